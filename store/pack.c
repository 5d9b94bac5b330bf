// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/pack.h"

#include <errno.h>
#include <string.h>

/* Room for `more` bytes and what ends the array. */
static char *reserve(struct pack *p, size_t more)
{
	size_t wanted = p->used + more + 2;
	char *text;

	if (wanted > p->size && !p->failed) {
		wanted = MAX(wanted, 2 * p->size);
		text = realloc(p->text, wanted);
		p->failed = !text;
		if (text) {
			p->text = text;
			p->size = wanted;
		}
	}
	return p->failed ? NULL : p->text + p->used;
}

static void put(struct pack *p, const char *text, size_t n)
{
	char *to = reserve(p, n);

	if (!to)
		return;
	memcpy(to, text, n);
	p->used += n;
}

/* A comma, except in front of the first. */
static void separate(struct pack *p)
{
	if (p->used && !p->failed && p->text[p->used - 1] != '[')
		put(p, ",", 1);
}

void pack_begin_row(struct pack *p)
{
	p->row = p->used;
	if (p->used == 0)
		put(p, "[", 1);
	separate(p);
	put(p, "[", 1);
}

void pack_number(struct pack *p, int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	separate(p);
	if (value < 0)
		put(p, "-", 1);
	put(p, at, (size_t)(digits + sizeof(digits) - at));
}

static void put_escaped(struct pack *p, unsigned char c)
{
	char code[8];

	snprintf(code, sizeof(code), "\\u%04x", c);
	put(p, code, 6);
}

void pack_text(struct pack *p, const char *text)
{
	static const char special[] = "\"\\\001\002\003\004\005\006\007\010\011\012\013\014\015\016"
				      "\017\020\021\022\023\024\025\026\027\030\031\032\033\034"
				      "\035\036\037";

	separate(p);
	put(p, "\"", 1);
	while (*text) {
		size_t plain = strcspn(text, special);

		put(p, text, plain);
		text += plain;
		if (*text)
			put_escaped(p, (unsigned char)*text++);
	}
	put(p, "\"", 1);
}

int pack_end_row(struct pack *p)
{
	put(p, "]", 1);
	if (!p->failed)
		return 0;
	p->used = p->row;
	p->failed = false;
	return -ENOMEM;
}

const char *pack_take(struct pack *p)
{
	char *end = reserve(p, 0);

	p->failed = false;
	if (!end)
		return NULL;
	strcpy(end, p->used ? "]" : "[]");
	return p->text;
}

void pack_free(struct pack *p)
{
	free(p->text);
	*p = (struct pack){ 0 };
}
