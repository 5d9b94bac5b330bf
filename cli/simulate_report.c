// SPDX-License-Identifier: GPL-2.0-or-later
/* What `faasmat simulate` prints. */
#include <errno.h>
#include <string.h>

#include "cli/simulate.h"

static double throughput(const struct run_result *r)
{
	return r->invocations ? (double)(r->warm + r->cold) / r->invocations : 1;
}

static json_t *functions_json(const struct load *l, const struct run_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_functions; i++) {
		const struct function_result *f = &r->function[i];

		json_array_append_new(
			list,
			json_pack("{s:s%,s:b,s:I,s:I,s:I,s:I}", "function", l->function[i].name,
				  strlen(l->function[i].name), "hot", f->hot, "invocations",
				  (json_int_t)f->invocations, "warm", (json_int_t)f->warm, "cold",
				  (json_int_t)f->cold, "drop", (json_int_t)f->drop));
	}
	return list;
}

static int print_run_json(const struct simulate_options *o, const struct load *l,
			  const struct sweep_run *run)
{
	const struct run_result *r = &run->result;
	json_t *j = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:I}", "policy",
			      policy_name(run->options.policy), "memory_mb",
			      (json_int_t)(run->options.memory / MIB), "queue_ttl_ms",
			      (json_int_t)run->options.queue_ttl, "invocations",
			      (json_int_t)r->invocations, "warm", (json_int_t)r->warm, "cold",
			      (json_int_t)r->cold, "drop", (json_int_t)r->drop, "throughput",
			      throughput(r), "pending", (json_int_t)r->pending, "container_starts",
			      (json_int_t)(r->cold + r->prewarms), "prewarms",
			      (json_int_t)r->prewarms, "evictions", (json_int_t)r->evictions);

	if (!j) {
		log_error("cannot make the JSON of a run");
		return EXIT_FAILED;
	}
	json_object_set_new(j, "idle_mb_minutes", json_real(r->idle_mb_minutes));
	json_object_set_new(j, "mean_memory_mb", json_real(r->mean_memory_mb));
	json_object_set_new(j, "max_memory_mb", json_real((double)r->max_memory / MIB));
	json_object_set_new(j, "over_capacity_minutes", json_integer(r->over_capacity_minutes));
	json_object_set_new(j, "seed", json_integer(run->options.seed));
	json_object_set_new(j, "wall_seconds", json_real(r->wall_seconds));
	if (o->per_function)
		json_object_set_new(j, "functions", functions_json(l, r));
	return print_json(j);
}

static int output_done(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	log_error("cannot write to standard output");
	return EXIT_FAILED;
}

static int print_run_csv(const struct sweep_run *run, bool first)
{
	const struct run_options *o = &run->options;
	const struct run_result *r = &run->result;

	if (first)
		puts("policy,memory_mb,queue_ttl_ms,seed,invocations,warm,cold,drop,throughput,pending,"
		     "container_starts,prewarms,evictions,idle_mb_minutes,mean_memory_mb,max_memory_mb,"
		     "over_capacity_minutes,wall_seconds");
	printf("%s,%lld,%lld,%llu,%lld,%lld,%lld,%lld,%.8f,%lld,", policy_name(o->policy),
	       (long long)(o->memory / MIB), (long long)o->queue_ttl, (unsigned long long)o->seed,
	       (long long)r->invocations, (long long)r->warm, (long long)r->cold,
	       (long long)r->drop, throughput(r), (long long)r->pending);
	printf("%lld,%lld,%lld,%.3f,%.3f,%.3f,%lld,%.3f\n", (long long)(r->cold + r->prewarms),
	       (long long)r->prewarms, (long long)r->evictions, r->idle_mb_minutes,
	       r->mean_memory_mb, (double)r->max_memory / MIB, (long long)r->over_capacity_minutes,
	       r->wall_seconds);
	return output_done();
}

/* A name as a CSV field. */
static void print_field(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

static int print_functions_csv(const struct load *l, const struct sweep_run *run, bool first)
{
	const struct run_result *r = &run->result;

	if (first)
		puts("policy,memory_mb,queue_ttl_ms,function,hot,invocations,warm,cold,drop");
	for (size_t i = 0; i < r->n_functions; i++) {
		const struct function_result *f = &r->function[i];

		printf("%s,%lld,%lld,", policy_name(run->options.policy),
		       (long long)(run->options.memory / MIB), (long long)run->options.queue_ttl);
		print_field(stdout, l->function[i].name);
		printf(",%d,%lld,%lld,%lld,%lld\n", f->hot, (long long)f->invocations,
		       (long long)f->warm, (long long)f->cold, (long long)f->drop);
	}
	return output_done();
}

int simulate_print(const struct simulate_options *o, const struct load *l,
		   const struct sweep_run *run, bool first)
{
	const struct run_result *r = &run->result;

	if (o->common.json)
		return print_run_json(o, l, run);
	if (o->csv)
		return o->per_function ? print_functions_csv(l, run, first)
				       : print_run_csv(run, first);
	if (first)
		printf("%-12s %7s %7s %12s %12s %12s %12s %10s %10s %12s %8s %8s %7s\n", "policy",
		       "memory", "ttl_ms", "invocations", "warm", "cold", "drop", "served_%",
		       "starts", "idle_mb_min", "mean_mb", "max_mb", "wall_s");
	printf("%-12s %7s %7lld %12lld %12lld %12lld %12lld %10.4f %10lld %12.0f %8.0f %8lld %7.2f\n",
	       policy_name(run->options.policy), format_size(run->options.memory),
	       (long long)run->options.queue_ttl, (long long)r->invocations, (long long)r->warm,
	       (long long)r->cold, (long long)r->drop, 100 * throughput(r),
	       (long long)(r->cold + r->prewarms), r->idle_mb_minutes, r->mean_memory_mb,
	       (long long)(r->max_memory / MIB), r->wall_seconds);
	if (r->over_capacity_minutes)
		printf("  (more memory than there is, or main below zero, in %lld minutes)\n",
		       (long long)r->over_capacity_minutes);
	return output_done();
}

static void print_row(FILE *f, const struct sweep_run *run, size_t minute, const char *function,
		      int64_t warm, int64_t cold, int64_t drop, int64_t used, int64_t capacity)
{
	fprintf(f, "%s,%lld,%lld,%zu,", policy_name(run->options.policy),
		(long long)(run->options.memory / MIB), (long long)run->options.queue_ttl, minute);
	if (function)
		print_field(f, function);
	fprintf(f, ",%lld,%lld,%lld,%lld,%lld\n", (long long)warm, (long long)cold, (long long)drop,
		(long long)used, (long long)capacity);
}

int simulate_print_minutes(FILE *f, const struct load *l, const struct sweep_run *run, bool first)
{
	const struct run_result *r = &run->result;

	if (first)
		fputs("policy,memory_mb,queue_ttl_ms,minute,function,warm,cold,drop,used_bytes,"
		      "capacity_bytes\n",
		      f);
	for (size_t m = 0; m < r->n_minutes; m++) {
		const struct minute_result *row = &r->minute[m];

		print_row(f, run, m, NULL, row->warm, row->cold, row->drop, row->used,
			  row->capacity);
		for (size_t i = 0; i < r->n_watched; i++) {
			const struct watch_result *w = &r->watch[i * r->n_minutes + m];

			print_row(f, run, m, l->function[r->watched[i]].name, w->warm, w->cold,
				  w->drop, w->used, w->capacity);
		}
	}
	return ferror(f) ? log_error_errno(-EIO, "cannot write the minutes") : 0;
}
