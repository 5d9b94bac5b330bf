/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers that were started before anybody knew for which function (OpenWhisk's prewarm, Fission's
 * generic pods) are told by a request. Out of the first bytes of one, the function's name. Pure.
 *
 *	POST /init             {"value":{"env":{"__OW_ACTION_NAME":"/guest/package/hello"}}}
 *	POST /run              {"action_name":"/guest/package/hello"}
 *	POST /v2/specialize    {"FunctionMetadata":{"name":"hello","namespace":"default"}}
 *
 * Only a key at just that place counts: what a caller passes as parameters stands deeper and may look
 * the same. So the text must be whole from the request's first byte on, though not up to its end.
 */
#ifndef FAASMAT_IDENTITY_REQUEST_H
#define FAASMAT_IDENTITY_REQUEST_H

#include "common/util.h"

enum request_outcome {
	REQUEST_OTHER, /* no such request, or one that does not say */
	REQUEST_MORE,  /* so far it may yet say */
	REQUEST_FOUND, /* `action` is NAMESPACE_NAME, as OpenWhisk names containers: letters, digits
			* and _ only (Fission: - too), the package left out */
};

enum request_outcome request_action(const char *text, size_t n, char *action, size_t size);

#endif
