// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/protocol.h"

#include <string.h>

/* A name may hold bytes that JSON cannot; the pool's escaped name can always be sent instead. */
static json_t *text(const char *s)
{
	json_t *value = s ? json_string(s) : json_null();

	return value ? value : json_null();
}

json_t *protocol_error(const char *reason)
{
	return json_pack("{s:b, s:o}", "ok", 0, "reason", text(reason));
}

static json_t *error_for(const char *op, const char *reason)
{
	return json_pack("{s:s, s:b, s:o}", "op", op, "ok", 0, "reason", text(reason));
}

static void add_numbers(json_t *object, const struct admission_pool *p)
{
	json_object_set_new(object, "admitted_bytes", json_integer(p->admitted_bytes));
	json_object_set_new(object, "used_bytes", json_integer(p->used_bytes));
	json_object_set_new(object, "admitted_containers", json_integer(p->admitted_containers));
	json_object_set_new(object, "used_containers", json_integer(p->used_containers));
}

json_t *protocol_change(const struct admission_pool *p)
{
	json_t *notice = json_pack("{s:s, s:o, s:o}", "op", "change", "pool", text(p->name),
				   "function", text(p->function));

	add_numbers(notice, p);
	return notice;
}

static json_t *reserve(struct admission *a, json_t *message, const struct protocol_peer *peer,
		       struct protocol_effect *ret)
{
	struct reservation r = { .owner = peer->user,
				 .creator = peer->creator,
				 .expires_ns = peer->expires_ns };
	struct admission_answer answer;
	json_error_t error;
	json_int_t bytes = 0;
	int existing = 0, leased = 0, anyway = 0;
	json_t *reply;

	if (json_unpack_ex(message, &error, 0, "{s:s, s?s, s?I, s?b, s?s, s?b, s?b}", "id", &r.id,
			   "function", &r.function, "bytes", &bytes, "existing", &existing, "pool",
			   &r.pool, "leased", &leased, "anyway", &anyway) < 0)
		return error_for("reserve", error.text);
	r.bytes = bytes;
	r.existing = existing;
	r.leased = leased;
	r.anyway = anyway;
	admission_reserve(a, &r, &answer);
	ret->reserved = answer.ok;
	ret->refused = !answer.ok && answer.pool >= 0;
	reply = json_pack("{s:s, s:o, s:b}", "op", "reserve", "id", text(r.id), "ok", answer.ok);
	if (answer.pool >= 0)
		json_object_set_new(reply, "pool", text(admission_pool(a, answer.pool)->name));
	if (answer.ok) {
		json_object_set_new(reply, "cgroup", text(admission_pool(a, answer.pool)->cgroup));
		json_object_set_new(reply, "spill", json_boolean(answer.spill));
	} else {
		json_object_set_new(reply, "reason", text(answer.reason));
	}
	return reply;
}

static json_t *release(struct admission *a, json_t *message, const struct protocol_peer *peer,
		       struct protocol_effect *ret)
{
	const char *id;
	json_error_t error;

	if (json_unpack_ex(message, &error, 0, "{s:s}", "id", &id) < 0)
		return error_for("release", error.text);
	if (!admission_owns(a, id, peer->user))
		return error_for("release", "another user has reserved it");
	ret->released = admission_release(a, id);
	return json_pack("{s:s, s:o, s:b}", "op", "release", "id", text(id), "ok", ret->released);
}

static json_t *table(const struct admission *a)
{
	json_t *pools = json_array();

	for (size_t i = 0; i < admission_count(a); i++) {
		const struct admission_pool *p = admission_pool(a, (int)i);
		json_t *line = json_pack("{s:o, s:o, s:o}", "pool", text(p->name), "function",
					 text(p->function), "cgroup", text(p->cgroup));

		add_numbers(line, p);
		json_object_set_new(line, "planned", json_boolean(p->planned));
		json_array_append_new(pools, line);
	}
	return json_pack("{s:s, s:o}", "op", "table", "pools", pools);
}

json_t *protocol_answer(struct admission *a, const char *message, size_t size,
			const struct protocol_peer *peer, struct protocol_effect *ret)
{
	json_t *object = json_loadb(message, size, JSON_REJECT_DUPLICATES, NULL);
	const char *op = json_string_value(json_object_get(object, "op"));
	json_t *reply;

	*ret = (struct protocol_effect){ 0 };
	if (!json_is_object(object)) {
		reply = protocol_error("a message is one JSON object");
	} else if (!op) {
		reply = protocol_error("\"op\" is missing");
	} else if (strcmp(op, "reserve") == 0) {
		reply = reserve(a, object, peer, ret);
	} else if (strcmp(op, "release") == 0) {
		reply = release(a, object, peer, ret);
	} else if (strcmp(op, "table") == 0) {
		ret->table = true;
		reply = table(a);
	} else if (strcmp(op, "subscribe") == 0) {
		ret->subscribe = true;
		reply = json_pack("{s:s, s:b}", "op", "subscribe", "ok", 1);
	} else {
		reply = protocol_error("\"op\" is reserve, release, table or subscribe");
	}
	json_decref(object);
	return reply;
}
