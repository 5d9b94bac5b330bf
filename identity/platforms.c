// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The built-in rules. Where a name comes from says whom it trusts: cgroup paths, engine names and pod
 * names are the platform's; environment variables are used only where the platform sets them itself;
 * labels can come from an image's author, so `auto` asks for them last.
 */
#include "identity/rules.h"

#include <string.h>

/*
 * OpenWhisk's docker factory: wsk<unique><invoker>_<counter>_<namespace>_<action>, all but letters,
 * digits and _ dropped from the parts. A "prewarm" container keeps that name when it becomes an
 * action's: what it is stands in /init and /run. Namespace guest, that of a deployment of one's own,
 * is left out of the function's name.
 */
#define WSK "^wsk[0-9a-zA-Z]*_[0-9]+_"
#define OPENWHISK                                                    \
	"name " WSK "prewarm_[^/]+$ action ^guest_(.+)$ \\1\n"       \
	"name " WSK "prewarm_[^/]+$ action ^([^_]+)_(.+)$ \\1.\\2\n" \
	"name " WSK "guest_([^/]+)$ \\1\n"                           \
	"name " WSK "([^_/]+)_([^/]+)$ \\1.\\2\n"

/* Container id = the function's name. */
#define FAASD                               \
	"path ^/openfaas-fn/([^/]+)$ \\1\n" \
	"namespace ^openfaas-fn$ id ^([^/]+)$ \\1\n"

/* A Deployment's pods: NAME-<hash of the template>-<5 letters>, of Kubernetes' "safe" alphabet. */
#define SAFE "[bcdfghjklmnpqrstvwxz0-9]"
#define OF_DEPLOYMENT "-" SAFE "{6,10}-" SAFE "{5}$"
#define CRI_NAMESPACE "annotation:io.kubernetes.cri.sandbox-namespace"
#define CRI_POD "annotation:io.kubernetes.cri.sandbox-name"
#define CRIO_NAMESPACE "annotation:io.kubernetes.pod.namespace"
#define CRIO_POD "annotation:io.kubernetes.pod.name"

#define OPENFAAS                                                                       \
	"pod " CRI_NAMESPACE " ^openfaas-fn$ " CRI_POD " ^(.+)" OF_DEPLOYMENT " \\1\n" \
	"pod " CRIO_NAMESPACE " ^openfaas-fn$ " CRIO_POD " ^(.+)" OF_DEPLOYMENT " \\1\n"

/* K_SERVICE is in the user's container, SERVING_SERVICE in the queue-proxy; both are Knative's. */
#define KNATIVE                                                                    \
	"pod " CRI_NAMESPACE " ^([^/]+)$ env:SERVING_SERVICE ^([^/]+)$ \\1.\\2\n"  \
	"pod " CRI_NAMESPACE " ^([^/]+)$ env:K_SERVICE ^([^/]+)$ \\1.\\2\n"        \
	"pod " CRIO_NAMESPACE " ^([^/]+)$ env:SERVING_SERVICE ^([^/]+)$ \\1.\\2\n" \
	"pod " CRIO_NAMESPACE " ^([^/]+)$ env:K_SERVICE ^([^/]+)$ \\1.\\2\n"

/* Pods of an environment, told their function by POST /v2/specialize. */
#define FISSION                                                                    \
	"pod " CRI_POD " ^(poolmgr|newdeploy)-.+$ action ^([^_]+)_(.+)$ \\2.\\3\n" \
	"pod " CRIO_POD " ^(poolmgr|newdeploy)-.+$ action ^([^_]+)_(.+)$ \\2.\\3\n"

/* Labels of the local (docker) platform; on Kubernetes the Deployment's name. */
#define NUCLIO                                                                                  \
	"label:nuclio.io/namespace ^nuclio$ label:nuclio.io/function-name ^([^/]+)$ \\1\n"      \
	"label:nuclio.io/namespace ^([^/]+)$ label:nuclio.io/function-name ^([^/]+)$ \\1.\\2\n" \
	"pod annotation:io.kubernetes.cri.container-name ^nuclio$ " CRI_POD                     \
	" ^nuclio-(.+)" OF_DEPLOYMENT " \\1\n"

/* The agent's own variable; names are in Fn's database only. */
#define FN "env:FN_FN_ID ^([^/]+)$ \\1\n"

#define ANNOTATED "annotation:faasmat.function ^(.+)$ \\1\n"

#define DOCKER                                                          \
	ANNOTATED "label:faasmat.function ^(.+)$ \\1\n"                 \
		  "label:com.docker.swarm.service.name ^([^/]+)$ \\1\n" \
		  "label:com.docker.compose.project ^([^/]+)$ "         \
		  "label:com.docker.compose.service ^([^/]+)$ \\1.\\2\n"

static const struct platform {
	const char *name, *text;
} platforms[] = {
	{ "auto", OPENWHISK FAASD OPENFAAS KNATIVE FISSION NUCLIO FN DOCKER },
	{ "crun", ANNOTATED },
	{ "docker", DOCKER },
	{ "faasd", FAASD },
	{ "fission", FISSION },
	{ "fn", FN },
	{ "knative", KNATIVE },
	{ "nuclio", NUCLIO },
	{ "openfaas", OPENFAAS },
	{ "openwhisk", OPENWHISK },
	{ "podman", ANNOTATED },
};

const char *rules_platform_text(const char *platform)
{
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
		if (strcmp(platforms[i].name, platform) == 0)
			return platforms[i].text;
	return NULL;
}

const char *rules_platforms(void)
{
	return "auto, crun, docker, faasd, fission, fn, knative, nuclio, openfaas, openwhisk, "
	       "podman";
}
