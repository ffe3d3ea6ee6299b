// SPDX-License-Identifier: GPL-2.0
/* Messages, numbers, addresses, JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgsock.h"
#include "main.h"

bool want_json;
const char *words_from;

static void say(const char *format, va_list args, const char *end)
{
	fputs("cgsock", stderr);
	if (command)
		fprintf(stderr, " %s", command->name);
	fputs(": ", stderr);
	if (words_from)
		fprintf(stderr, "%s: ", words_from);
	vfprintf(stderr, format, args);
	fputs(end, stderr);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "\n");
	va_end(args);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "\n");
	va_end(args);
	exit(1);
}

void misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, words_from ? "\n" : "; --help tells how it is used\n");
	va_end(args);
	exit(words_from ? 1 : 2);
}

void bad_value(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, "\n");
	va_end(args);
	exit(words_from ? 1 : 2);
}

int next_option(int argc, char **argv, const char *letters, const struct option *options)
{
	static struct option with_common[32] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
	};
	char all[64];
	int c, i;

	for (i = 0; i < 29 && options[i].name; i++)
		with_common[i + 2] = options[i];

	/* "+": what follows the first word that is no option is not ours, as in "run CMD -v". */
	snprintf(all, sizeof(all), "+:hj%s", letters);
	opterr = 0;
	c = getopt_long(argc, argv, all, with_common, NULL);
	switch (c) {
	case 'h':
		fputs(command->help, stdout);
		exit(0);
	case 'j':
		want_json = true;
		return next_option(argc, argv, letters, options);
	case ':':
		misuse("%s needs a value", argv[optind - 1]);
	case '?':
		if (optopt && strncmp(argv[optind - 1], "--", 2))
			misuse("unknown option -%c", optopt);
		misuse("unknown option %s", argv[optind - 1]);
	default:
		return c;
	}
}

void print_json(struct json_object *value)
{
	puts(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(value);
}

void *allocate(size_t size)
{
	void *memory = calloc(1, size ?: 1);

	if (!memory)
		fail("out of memory");
	return memory;
}

char *text(const char *format, ...)
{
	va_list args;
	char *result;

	va_start(args, format);
	if (vasprintf(&result, format, args) < 0)
		fail("out of memory");
	va_end(args);
	return result;
}

bool read_number(const char *digits, unsigned long min, unsigned long max, unsigned int *number)
{
	unsigned long value;
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	value = strtoul(digits, &end, digits[1] == 'x' ? 16 : 10);
	if (errno || *end || value < min || value > max)
		return false;
	*number = value;
	return true;
}

bool parse_endpoint(const char *word, struct endpoint *endpoint)
{
	const char *colon = strrchr(word, ':');
	char ip[INET6_ADDRSTRLEN + 2];
	size_t length = colon ? colon - word : 0;
	char *start = ip;

	memset(endpoint, 0, sizeof(*endpoint));
	if (!length || length >= sizeof(ip))
		return false;
	memcpy(ip, word, length);
	ip[length] = '\0';
	endpoint->family = AF_INET;
	if (ip[0] == '[') {
		if (ip[length - 1] != ']')
			return false;
		ip[length - 1] = '\0';
		start++;
		endpoint->family = AF_INET6;
	}
	return inet_pton(endpoint->family, start, endpoint->ip) == 1 &&
	       read_number(colon + 1, 0, UINT16_MAX, &endpoint->port);
}

const char *show_endpoint(const struct endpoint *endpoint)
{
	static char buffers[4][INET6_ADDRSTRLEN + 8];
	char ip[INET6_ADDRSTRLEN];
	static int turn;
	char *buffer = buffers[turn++ % 4];

	inet_ntop(endpoint->family, endpoint->ip, ip, sizeof(ip));
	snprintf(buffer, sizeof(buffers[0]), endpoint->family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 ip, endpoint->port);
	return buffer;
}
