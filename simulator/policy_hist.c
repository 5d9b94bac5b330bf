#include "simulator/node.h"
int hist_begin(struct node *n)
{
	(void)n;
	return 0;
}
void hist_before(struct node *n, int64_t t)
{
	(void)n;
	(void)t;
}
void hist_arrived(struct node *n, uint32_t function, int64_t t)
{
	(void)n;
	(void)t;
	(void)function;
}
void hist_end(struct node *n)
{
	(void)n;
}
int faasmat_begin(struct node *n)
{
	(void)n;
	return 0;
}
int faasmat_minute(struct node *n)
{
	(void)n;
	return 0;
}
void faasmat_run(struct node *n, int64_t until)
{
	node_run_main(n, until);
}
