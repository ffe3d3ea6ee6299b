/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MAIN_H
#define MAIN_H

/* The one that runs; NULL before it was found. */
extern const struct command *command;

#endif
