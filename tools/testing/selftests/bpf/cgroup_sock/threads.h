/* SPDX-License-Identifier: GPL-2.0 */
/* What the threads of threads_test.c give their socket, for threads.bpf.c to find nothing else. */
#ifndef THREADS_H
#define THREADS_H

/* Addresses that end in HERE have port PORT + HERE, and so for THERE. */
#define HERE		2
#define THERE		9
#define PORT		0x1000

#define MARK		7
#define PRIORITY	6

#endif
