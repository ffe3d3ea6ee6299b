// SPDX-License-Identifier: GPL-2.0
#include "cgsock.h"

int cmd_redirect(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fail("redirect is not built in yet");
}
