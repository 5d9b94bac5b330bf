// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The few functions of OpenBLAS and LAPACKE that the forecaster calls, loaded when the first is called. Linked in,
 * they would cost every daemon 3 MB of resident memory and every command 10 ms at its start, and only
 * `faasmat plan` and its kin compute with them.
 */
#include <cblas.h>
#include <dlfcn.h>
#include <lapacke.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/log.h"

static struct {
	__typeof__(cblas_ddot) *ddot;
	__typeof__(cblas_dsyrk) *dsyrk;
	__typeof__(LAPACKE_dposv) *dposv;
	__typeof__(openblas_set_num_threads) *set_num_threads;
} blas;

/* Like a library that was linked in and is missing: there is nothing to go on with. */
static void *symbol(void *library, const char *name)
{
	void *found = library ? dlsym(library, name) : NULL;

	if (!found) {
		log_error(
			"no forecast without OpenBLAS and LAPACKE (%s); install libopenblas0-serial "
			"and liblapacke",
			dlerror());
		exit(EXIT_FAILURE);
	}
	return found;
}

static void load(void)
{
	void *openblas = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL), *lapacke;

	blas.ddot = symbol(openblas, "cblas_ddot");
	blas.dsyrk = symbol(openblas, "cblas_dsyrk");
	blas.set_num_threads = symbol(openblas, "openblas_set_num_threads");
	lapacke = dlopen("liblapacke.so.3", RTLD_NOW | RTLD_LOCAL);
	blas.dposv = symbol(lapacke, "LAPACKE_dposv");
}

static void need_blas(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
}

double cblas_ddot(OPENBLAS_CONST blasint n, OPENBLAS_CONST double *x, OPENBLAS_CONST blasint incx,
		  OPENBLAS_CONST double *y, OPENBLAS_CONST blasint incy)
{
	need_blas();
	return blas.ddot(n, x, incx, y, incy);
}

void cblas_dsyrk(OPENBLAS_CONST enum CBLAS_ORDER order, OPENBLAS_CONST enum CBLAS_UPLO uplo,
		 OPENBLAS_CONST enum CBLAS_TRANSPOSE trans, OPENBLAS_CONST blasint n,
		 OPENBLAS_CONST blasint k, OPENBLAS_CONST double alpha, OPENBLAS_CONST double *a,
		 OPENBLAS_CONST blasint lda, OPENBLAS_CONST double beta, double *c,
		 OPENBLAS_CONST blasint ldc)
{
	need_blas();
	blas.dsyrk(order, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);
}

lapack_int LAPACKE_dposv(int layout, char uplo, lapack_int n, lapack_int nrhs, double *a,
			 lapack_int lda, double *b, lapack_int ldb)
{
	need_blas();
	return blas.dposv(layout, uplo, n, nrhs, a, lda, b, ldb);
}

void openblas_set_num_threads(int n)
{
	need_blas();
	blas.set_num_threads(n);
}
