// SPDX-License-Identifier: GPL-2.0
/* The language of the rules. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

#define MAX_DEPTH	16	/* of includes */
#define BLANKS		" \t\r\n"

const char * const direction_names[DIRECTIONS] = {
	[CALL_CONNECT] = "connect",
	[CALL_SEND] = "send",
	[CALL_BIND] = "bind",
	[CALL_LISTEN] = "listen",
};

const char * const protocol_names[PROTOCOLS] = {
	[TCP] = "tcp",
	[UDP] = "udp",
	[SCTP] = "sctp",
	[ICMP] = "icmp",
	[RAW] = "raw",
	[OTHER] = "other",
};

static const __u32 all_protocols = ~(~0U << PROTOCOLS);
static const __u32 without_ports = 1U << ICMP | 1U << RAW;

/* Where the parser is. */
struct reader {
	struct rules *rules;
	const char *file;
	int line;
	int depth;
	const struct reader *includer;
};

static noreturn __printf(2, 3) void bad(const struct reader *reader, const char *format, ...)
{
	va_list args;
	char *message;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		fail("out of memory");
	va_end(args);
	if (!reader->line)
		fail("%s: %s", reader->file, message);
	fail("%s:%d: %s", reader->file, reader->line, message);
}

__u64 hash_of_rule(const char *words)
{
	__u64 value = 14695981039346656037ULL;	/* FNV-1a */

	for (; *words; words++)
		value = (value ^ (unsigned char)*words) * 1099511628211ULL;
	return value;
}

static struct rule *add_rule(struct reader *reader, const char *words)
{
	struct rules *rules = reader->rules;
	struct rule *rule;

	if (!(rules->count & (rules->count + 1))) {
		rules->rule = reallocarray(rules->rule, 2 * (rules->count + 1), sizeof(*rule));
		if (!rules->rule)
			fail("out of memory");
	}
	rule = &rules->rule[rules->count++];
	memset(rule, 0, sizeof(*rule));
	rule->text = text("%s", words);
	rule->id = hash_of_rule(words);
	rule->file = reader->file;
	rule->line = reader->line;
	return rule;
}

/* Bits of the names in a list with commas. */
static __u32 parse_names(const struct reader *reader, char *list, const char * const *names,
			 unsigned int count, const char *what)
{
	__u32 bits = 0;
	char *name;

	while ((name = strsep(&list, ","))) {
		unsigned int i;

		for (i = 0; i < count && strcmp(name, names[i]); i++)
			;
		if (i == count)
			bad(reader, "\"%s\" is not a %s", name, what);
		if (bits & 1U << i)
			bad(reader, "\"%s\" is there twice", name);
		bits |= 1U << i;
	}
	return bits;
}

static __u32 parse_directions(const struct reader *reader, char *list)
{
	return parse_names(reader, list, direction_names, DIRECTIONS,
			   "call: connect, send, bind or listen");
}

static __u32 parse_protocols(const struct reader *reader, char *list)
{
	if (!strcmp(list, "any"))
		return all_protocols;
	return parse_names(reader, list, protocol_names, OTHER,
			   "protocol: tcp, udp, sctp, icmp, raw or any");
}

static void parse_prefix(const struct reader *reader, struct rule *rule, char *prefix)
{
	char *length = strchr(prefix, '/');
	unsigned int bits, i;

	if (!strcmp(prefix, "any"))
		return;
	if (length)
		*length++ = '\0';
	rule->family = strchr(prefix, ':') ? AF_INET6 : AF_INET;
	bits = rule->family == AF_INET6 ? 128 : 32;
	rule->length = bits;
	if (inet_pton(rule->family, prefix, rule->ip) != 1)
		bad(reader, "\"%s\" is not an IPv4 or IPv6 address; names are not looked up",
		    prefix);
	if (length && !read_number(length, 0, bits, &rule->length))
		bad(reader, "\"/%s\" is not a length from 0 to %u", length, bits);
	if (bits == 128 && rule->length >= 96 && IN6_IS_ADDR_V4MAPPED(rule->ip))
		bad(reader, "\"%s\" is an IPv4-mapped address; write it as an IPv4 address",
		    prefix);
	for (i = rule->length; i < bits; i++)
		if (ntohl(rule->ip[i / 32]) >> (31 - i % 32) & 1)
			bad(reader, "%s has bits after the first %u; which of both is right?",
			    prefix, rule->length);
}

static void parse_ports(const struct reader *reader, struct rule *rule, char *list)
{
	char *first;

	if (!strcmp(list, "any"))
		return;
	if (rule->protocols != all_protocols && rule->protocols & without_ports)
		bad(reader, "\"%s\": icmp and raw have no ports", list);
	/* Of "any", those with ports. */
	rule->protocols &= ~without_ports;
	rule->ports = allocate((strlen(list) + 1) * sizeof(*rule->ports));
	while ((first = strsep(&list, ","))) {
		struct ports *ports = &rule->ports[rule->port_count++];
		char *last = strchr(first, '-');

		if (last)
			*last++ = '\0';
		if (!read_number(first, 0, UINT16_MAX, &ports->first))
			bad(reader, "\"%s\" is not a port from 0 to 65535", first);
		ports->last = ports->first;
		if (last && !read_number(last, 0, UINT16_MAX, &ports->last))
			bad(reader, "\"%s\" is not a port from 0 to 65535", last);
		if (ports->last < ports->first)
			bad(reader, "ports %u-%u: the first is above the last", ports->first,
			    ports->last);
	}
}

static bool parse_verdict(const struct reader *reader, const char *word)
{
	if (!strcmp(word, "refuse"))
		return true;
	if (strcmp(word, "allow"))
		bad(reader, "\"%s\" is none of allow, refuse, default and include", word);
	return false;
}

/* The words of a line; @words has room for them and one more. */
static int split(const struct reader *reader, char *line, char **words, int most)
{
	char *rest = line, *word;
	int count = 0;

	while ((word = strtok_r(rest, BLANKS, &rest))) {
		if (count == most)
			bad(reader, "\"%s\" is too much", word);
		words[count++] = word;
	}
	return count;
}

static void parse_rule(struct reader *reader, char **words, int count)
{
	static const char * const parts[] = {
		"allow or refuse", "connect, send, bind or listen",
		"tcp, udp, sctp, icmp, raw or any", "PREFIX[/LENGTH] or any"
	};
	const char *ports = count > 4 ? words[4] : "any";
	struct rule *rule;
	char *words_again;
	bool refuse = parse_verdict(reader, words[0]);

	if (reader->rules->count == MAX_RULES)
		bad(reader, "more than %d rules", MAX_RULES);
	if (count < 4)
		bad(reader, "%s is missing after \"%s\"", parts[count], words[count - 1]);
	words_again = text("%s %s %s %s %s", words[0], words[1], words[2], words[3], ports);
	rule = add_rule(reader, words_again);
	free(words_again);
	rule->refuse = refuse;
	rule->directions = parse_directions(reader, words[1]);
	rule->protocols = parse_protocols(reader, words[2]);
	parse_prefix(reader, rule, words[3]);
	if (count > 4)
		parse_ports(reader, rule, words[4]);
}

static struct rule *new_default(struct reader *reader, bool refuse, unsigned int direction)
{
	char *words = text("default %s %s", refuse ? "refuse" : "allow",
			   direction_names[direction]);
	struct rule *rule = allocate(sizeof(*rule));

	rule->text = words;
	rule->id = hash_of_rule(words);
	rule->file = reader->file;
	rule->line = reader->line;
	rule->refuse = refuse;
	rule->directions = 1U << direction;
	rule->protocols = all_protocols;
	return rule;
}

static void parse_default(struct reader *reader, char **words, int count)
{
	__u32 directions = (1U << DIRECTIONS) - 1;
	bool refuse;

	if (count < 2)
		bad(reader, "allow or refuse is missing after \"default\"");
	if (count > 3)
		bad(reader, "\"%s\" is too much", words[3]);
	refuse = !strcmp(words[1], "refuse");
	if (!refuse && strcmp(words[1], "allow"))
		bad(reader, "\"%s\" is neither allow nor refuse", words[1]);
	if (count == 3)
		directions = parse_directions(reader, words[2]);
	for (unsigned int i = 0; i < DIRECTIONS; i++) {
		struct rule **slot = &reader->rules->defaults[i];

		if (!(directions & 1U << i))
			continue;
		if (*slot)
			bad(reader, "there is a default for %s already, in %s:%d",
			    direction_names[i], (*slot)->file, (*slot)->line);
		*slot = new_default(reader, refuse, i);
	}
}

/* The lines of rules are stored with the name, and shown with it. */
static void check_name(const char *file)
{
	for (const char *c = file; *c; c++)
		if (iscntrl((unsigned char)*c))
			fail("the name of a file of rules has a newline, a tab or the like in it");
}

static void read_stream(struct reader *reader, FILE *stream);

static void read_included(struct reader *reader, const char *name)
{
	struct reader inner = {
		.rules = reader->rules,
		.depth = reader->depth + 1,
		.includer = reader,
	};
	char *copy = text("%s", reader->file);
	FILE *stream;

	inner.file = *name == '/' ? text("%s", name) : text("%s/%s", dirname(copy), name);
	free(copy);
	check_name(inner.file);
	for (const struct reader *r = reader; r; r = r->includer)
		if (!strcmp(r->file, inner.file))
			bad(reader, "%s includes itself", inner.file);
	if (inner.depth > MAX_DEPTH)
		bad(reader, "more than %d files that include each other", MAX_DEPTH);
	stream = fopen(inner.file, "re");
	if (!stream)
		bad(reader, "%s: %s", inner.file, strerror(errno));
	read_stream(&inner, stream);
	fclose(stream);
}

/* The FILE of an "include FILE" line, which can have blanks in it; NULL if it is another line. */
static char *included(char *line)
{
	char *name = line + strspn(line, BLANKS), *end;

	if (strncmp(name, "include", 7) || (name[7] && !strchr(BLANKS, name[7])))
		return NULL;
	name += 7;
	name += strspn(name, BLANKS);
	for (end = name + strlen(name); end > name && strchr(BLANKS, end[-1]); end--)
		;
	*end = '\0';
	return name;
}

static void read_line(struct reader *reader, char *line)
{
	char *words[5], *name;
	int count;

	line[strcspn(line, "#")] = '\0';
	name = included(line);
	if (name) {
		if (!*name)
			bad(reader, "include wants a FILE");
		read_included(reader, name);
		return;
	}
	count = split(reader, line, words, 5);
	if (!count)
		return;
	if (!strcmp(words[0], "default"))
		parse_default(reader, words, count);
	else
		parse_rule(reader, words, count);
}

static void read_stream(struct reader *reader, FILE *stream)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while ((length = getline(&line, &size, stream)) > 0) {
		reader->line++;
		if (strlen(line) != (size_t)length)
			bad(reader, "there is a zero byte; is this a file of rules?");
		read_line(reader, line);
	}
	if (ferror(stream))
		fail("%s: %s", reader->file, strerror(errno));
	free(line);
}

static bool is_empty(const struct rules *rules)
{
	for (unsigned int i = 0; i < DIRECTIONS; i++)
		if (rules->defaults[i])
			return false;
	return !rules->count;
}

static int by_id(const void *a, const void *b)
{
	const struct rule *x = *(const struct rule **)a, *y = *(const struct rule **)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x < y ? -1 : 1;
}

/* The second of two equal rules decides nothing, and would have the counter of the first. */
static void drop_twins(struct rules *rules)
{
	struct rule **sorted = allocate(rules->count * sizeof(*sorted));
	unsigned int i, kept = 0;

	for (i = 0; i < rules->count; i++)
		sorted[i] = &rules->rule[i];
	qsort(sorted, rules->count, sizeof(*sorted), by_id);
	for (i = 1; i < rules->count; i++) {
		if (sorted[i]->id != sorted[i - 1]->id)
			continue;
		if (strcmp(sorted[i]->text, sorted[i - 1]->text))
			fail("%s:%d and %s:%d have the same hash; write one of them in another way",
			     sorted[i - 1]->file, sorted[i - 1]->line, sorted[i]->file,
			     sorted[i]->line);
		sorted[i]->directions = 0;
	}
	free(sorted);
	for (i = 0; i < rules->count; i++)
		if (rules->rule[i].directions)
			rules->rule[kept++] = rules->rule[i];
	rules->count = kept;
}

struct rules *begin_rules(void)
{
	return allocate(sizeof(struct rules));
}

void add_line(struct rules *rules, char *line, const char *where)
{
	struct reader reader = { .rules = rules, .file = where };

	read_line(&reader, line);
}

static void add_stream(struct rules *rules, FILE *stream, const char *name)
{
	struct reader reader = { .rules = rules, .file = name };

	read_stream(&reader, stream);
	if (is_empty(rules))
		fail("%s: no rules in it", name);
}

void add_file(struct rules *rules, const char *file)
{
	FILE *stream;

	if (!strcmp(file, "-")) {
		add_stream(rules, stdin, "-");
		return;
	}
	check_name(file);
	stream = fopen(file, "re");
	if (!stream)
		fail("%s: %s", file, strerror(errno));
	add_stream(rules, stream, text("%s", file));
	fclose(stream);
}

void end_rules(struct rules *rules, __u32 refused)
{
	struct reader reader = { .rules = rules, .file = "default" };

	drop_twins(rules);
	for (unsigned int i = 0; i < DIRECTIONS; i++) {
		struct rule *rule = rules->defaults[i] ?:
				    new_default(&reader, refused & 1U << i, i);

		*add_rule(&reader, "") = *rule;
		free(rule);
	}
	for (unsigned int i = 0; i < DIRECTIONS; i++)
		rules->defaults[i] = &rules->rule[rules->count - DIRECTIONS + i];
}

struct rules *read_rules_from(FILE *stream, const char *name)
{
	struct rules *rules = begin_rules();

	add_stream(rules, stream, name);
	end_rules(rules, 0);
	return rules;
}

struct rules *read_rules(const char *file)
{
	struct rules *rules = begin_rules();

	add_file(rules, file);
	end_rules(rules, 0);
	return rules;
}

static bool same_bits(const __u32 *a, const __u32 *b, unsigned int length)
{
	for (; length >= 32; length -= 32)
		if (*a++ != *b++)
			return false;
	return !length || !(ntohl(*a ^ *b) >> (32 - length));
}

static bool fits(const struct rule *rule, unsigned int direction, enum protocol protocol,
		 const struct endpoint *endpoint)
{
	int i;

	if (!(rule->directions & 1U << direction) || !(rule->protocols & 1U << protocol))
		return false;
	if (rule->family && rule->family != endpoint->family)
		return false;
	if (!same_bits(rule->ip, endpoint->ip, rule->length))
		return false;
	for (i = 0; i < rule->port_count; i++)
		if (rule->ports[i].first <= endpoint->port && endpoint->port <= rule->ports[i].last)
			return true;
	return !rule->ports;
}

const struct rule *ask_rules(const struct rules *rules, unsigned int direction,
			     enum protocol protocol, const struct endpoint *endpoint)
{
	const struct rule *best = NULL;

	for (unsigned int i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rule[i];

		if (fits(rule, direction, protocol, endpoint) &&
		    (!best || rule->length > best->length))
			best = rule;
	}
	return best;
}
