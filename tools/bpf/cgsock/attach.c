// SPDX-License-Identifier: GPL-2.0
/* Programs that are loaded, attached by pinned links, replaced, detached and found. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cgsock.h"

#define BPFFS "/sys/fs/bpf"

static FILE *chatter;
static char *chatter_text;
static size_t chatter_size;

static int keep_chatter(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(chatter, format, args);
}

bool have_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[capability / 32].effective & 1U << capability % 32;
}

/* Where everybody may write, as in a BPF file system without "mode=", others may be first. */
static void need_own_pins(void)
{
	struct stat status;

	if (lstat(PINS, &status))
		return;
	if (!S_ISDIR(status.st_mode) || (status.st_uid && status.st_uid != geteuid()) ||
	    status.st_mode & 022)
		fail(PINS ": somebody else can write there; chmod 700 " BPFFS ", and rm -r " PINS);
}

/*
 * CAP_SYS_ADMIN is enough in the place of the first two. Without CAP_PERFMON the verifier does
 * not follow loops far enough, and programs cannot tell which command it was.
 */
void begin_look(void)
{
	struct statfs fs;

	if (!have_capability(CAP_SYS_ADMIN) && !have_capability(CAP_BPF))
		fail("CAP_BPF is missing; try sudo");
	if (!have_capability(CAP_SYS_ADMIN) && !have_capability(CAP_PERFMON))
		fail("CAP_PERFMON is missing; try sudo");
	if (!have_capability(CAP_NET_ADMIN))
		fail("CAP_NET_ADMIN is missing; try sudo");
	if (statfs(BPFFS, &fs) || fs.f_type != BPF_FS_MAGIC)
		fail(BPFFS " is no BPF file system; mount -t bpf -o mode=0700 none " BPFFS);
	if (access(BPFFS, X_OK))
		fail(BPFFS ": %s; it is for its owner only, see chmod(1)", strerror(errno));
	need_own_pins();
	chatter = open_memstream(&chatter_text, &chatter_size);
	if (!chatter)
		fail("out of memory");
	libbpf_set_print(keep_chatter);
}

/* A kernel without the hook calls its expected attach type invalid. */
static void need_hook(const struct bpf_program *program)
{
	const struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd;

	opts.expected_attach_type = bpf_program__expected_attach_type(program);
	fd = bpf_prog_load(bpf_program__type(program), "probe", "GPL", allow, 2, &opts);
	if (fd == -EINVAL)
		fail("this kernel has no %s hook; cgsock doctor lists those it has",
		     bpf_program__section_name(program));
	if (fd < 0)
		fail("cannot load a program for %s: %s; cgsock doctor looks for the reason",
		     bpf_program__section_name(program), strerror(-fd));
	close(fd);
}

void load_programs(struct bpf_object *object)
{
	struct bpf_program *program;
	int err;

	bpf_object__for_each_program(program, object)
		if (bpf_program__autoload(program))
			need_hook(program);
	err = bpf_object__load(object);
	if (!err)
		return;
	fflush(chatter);
	fputs(chatter_text, stderr);
	fail("cannot load the programs: %s; the lines above tell why", strerror(-err));
}

int open_map(const struct place *place, const char *tool, const char *map)
{
	char *path = text("%s/%s/maps/%s", place->pins, tool, map);
	int fd = bpf_obj_get(path);

	free(path);
	return fd;
}

/* The maps of global variables have dots in their names, which pins cannot have. */
static char *map_pin(const struct bpf_map *map)
{
	char *name = text("%s", bpf_map__name(map));

	for (char *dot = name; (dot = strchr(dot, '.'));)
		*dot = '_';
	return name;
}

/* The descriptor of the pinned map if @map can use it, else -1. */
static int same_map(const struct place *place, const char *tool, const struct bpf_map *map)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	char *name = map_pin(map);
	int fd = open_map(place, tool, name);

	free(name);
	if (fd < 0)
		return -1;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == bpf_map__type(map) &&
	    info.key_size == bpf_map__key_size(map) &&
	    info.value_size == bpf_map__value_size(map) &&
	    info.max_entries == bpf_map__max_entries(map) &&
	    info.map_flags == bpf_map__map_flags(map))
		return fd;
	close(fd);
	return -1;
}

bool reuse_maps(const struct place *place, const char *tool, struct bpf_object *object)
{
	struct bpf_map *map;
	int fd;

	bpf_object__for_each_map(map, object) {
		fd = same_map(place, tool, map);
		if (fd < 0)
			return false;
		close(fd);
	}
	bpf_object__for_each_map(map, object) {
		fd = same_map(place, tool, map);
		if (fd < 0 || bpf_map__reuse_fd(map, fd))
			fail("%s/%s/maps: %s", place->pins, tool, strerror(errno));
		close(fd);
	}
	return true;
}

/* Removes a directory of pins with all that is in it. */
static void remove_pins(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		char *child;

		if (entry->d_name[0] == '.')
			continue;
		child = text("%s/%s", path, entry->d_name);
		if (unlink(child))
			remove_pins(child);
		free(child);
	}
	closedir(directory);
	rmdir(path);
}

static int make_directory(const char *path)
{
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

static int pin(int fd, const char *directory, const char *kind, const char *name)
{
	char *path = text("%s/%s/%s", directory, kind, name);
	int err = bpf_obj_pin(fd, path) ? -errno : 0;

	free(path);
	return err;
}

static int get_pin(const char *directory, const char *kind, const char *name)
{
	char *path = text("%s/%s/%s", directory, kind, name);
	int fd = bpf_obj_get(path);

	free(path);
	return fd;
}

static const char *hint(int err)
{
	if (err == -EPERM)
		return "; a program here or above wants the hook alone, see bpftool cgroup tree";
	return err == -E2BIG ? "; the cgroup has as many programs as it can have" : "";
}

__u64 id_of_cgroup(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_ino;
}

static __u32 program_of_link(int link)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(link, &info, &size) ? 0 : info.prog_id;
}

static __u64 cgroup_of_link(int link)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(link, &info, &size) ? 0 : info.cgroup.cgroup_id;
}

/* What was done to attach a program, to take it back. */
struct step {
	int link;		/* -1 for a unit: systemd has no links */
	int old;		/* the program before, or -1 */
	int new;		/* the one that took its place or came to a unit, or -1 */
	bool had_old;		/* it was attached */
	enum bpf_attach_type type;
};

/* What programs are compared by; zero if there is not that much to say. */
struct identity {
	__u8 tag[BPF_TAG_SIZE];
	__u32 maps[32];
};

static struct identity identify(int fd)
{
	struct identity identity = {};
	struct bpf_prog_info info = {
		.nr_map_ids = sizeof(identity.maps) / sizeof(*identity.maps),
		.map_ids = (unsigned long)identity.maps,
	};
	__u32 size = sizeof(info);

	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		memcpy(identity.tag, info.tag, sizeof(identity.tag));
	return identity;
}

/* The same instructions with the same maps. */
static bool same_program(int a, int b)
{
	struct identity x = identify(a), y = identify(b);

	return !memcmp(&x, &y, sizeof(x));
}

/* Whether systemd or somebody has attached it to this cgroup. */
static bool is_attached(const struct place *place, int program, enum bpf_attach_type type)
{
	struct bpf_prog_info info = {};
	__u32 ids[64], count = 64, i, size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &size) ||
	    bpf_prog_query(place->fd, type, 0, NULL, ids, &count))
		return false;
	for (i = 0; i < count && ids[i] != info.id; i++)
		;
	return i < count;
}

static int attach_to_unit(const struct place *place, int program, int old,
			  enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_ALLOW_MULTI);

	if (old >= 0) {
		opts.flags |= BPF_F_REPLACE;
		opts.replace_prog_fd = old;
	}
	return bpf_prog_attach_opts(program, place->fd, type, &opts);
}

static int not_hidden(const struct dirent *entry)
{
	/* "+" ends the name of a staging, and apply has links to find a cgroup again. */
	return entry->d_name[0] != '.' && !strchr(entry->d_name, '+') && entry->d_type != DT_LNK;
}

static const char *hook_of(const char *program)
{
	const char *hook = strchr(program, '_') + 1;

	return strcmp(hook, "create") ? hook : "sock_create";
}

static bool type_of_program(const char *program, enum bpf_attach_type *type)
{
	char *section = text("cgroup/%s", hook_of(program));
	enum bpf_prog_type program_type;
	bool known = !libbpf_prog_type_by_name(section, &program_type, type);

	free(section);
	return known;
}

static __u32 id_of_program(int program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &size) ? 0 : info.id;
}

/* A link of these that has another program than the one pinned beside it gets that one. */
static void undo_links(const char *current)
{
	char *folder = text("%s/links", current);
	struct dirent **names;
	int count = scandir(folder, &names, not_hidden, alphasort);

	for (int i = 0; i < count; i++) {
		int link = get_pin(current, "links", names[i]->d_name);
		int program = get_pin(current, "programs", names[i]->d_name);

		if (link >= 0 && program >= 0 && program_of_link(link) != id_of_program(program))
			bpf_link_update(link, program, NULL);
		close(link);
		close(program);
	}
	free(folder);
}

/* Programs of a staging that the unit's cgroup has go, or give way to those before. */
static void undo_unit(const struct place *place, const char *current, const char *staging)
{
	char *folder = text("%s/programs", staging);
	struct dirent **names;
	int count = scandir(folder, &names, not_hidden, alphasort);

	for (int i = 0; i < count; i++) {
		int new = get_pin(staging, "programs", names[i]->d_name);
		int old = get_pin(current, "programs", names[i]->d_name);
		enum bpf_attach_type type;

		if (new >= 0 && id_of_program(new) != id_of_program(old) &&
		    type_of_program(names[i]->d_name, &type) && is_attached(place, new, type)) {
			if (old >= 0)
				attach_to_unit(place, old, new, type);
			else
				bpf_prog_detach2(new, place->fd, type);
		}
		close(new);
		close(old);
	}
	free(folder);
}

/* What a run left that was killed: all is as before it then. False if there was nothing. */
static bool undo_staging(const struct place *place, const char *tool)
{
	char *current = text("%s/%s", place->pins, tool), *staging = text("%s+", current);
	bool found = !access(staging, F_OK);

	if (found && !place->is_unit)
		undo_links(current);
	else if (found && place->fd >= 0)
		undo_unit(place, current, staging);
	remove_pins(staging);
	free(current);
	free(staging);
	return found;
}

/* Puts @program into the place of the old one, where that is attached; else attaches it. */
static int attach(const struct place *place, int program, struct step *step)
{
	bool same = id_of_program(program) == id_of_program(step->old);
	int err;

	if (place->is_unit) {
		/* Without a link, so that systemd cannot attach it a second time. */
		step->had_old = step->old >= 0 && is_attached(place, step->old, step->type);
		if (same && step->had_old)
			return 0;
		err = attach_to_unit(place, program, step->had_old ? step->old : -1, step->type);
	} else if (step->link >= 0 && cgroup_of_link(step->link) == id_of_cgroup(place->fd)) {
		step->had_old = true;
		if (same)
			return 0;
		err = bpf_link_update(step->link, program, NULL) ? -errno : 0;
	} else {
		close(step->link);
		step->link = bpf_link_create(program, place->fd, step->type, NULL);
		return step->link < 0 ? step->link : 0;
	}
	if (!err)
		step->new = program;
	return err;
}

static void take_back(const struct place *place, const struct step *step)
{
	/* New links go with their last pin and descriptor. */
	if (step->new < 0)
		return;
	if (step->link >= 0)
		bpf_link_update(step->link, step->old, NULL);
	else if (step->had_old)
		attach_to_unit(place, step->old, step->new, step->type);
	else
		bpf_prog_detach2(step->new, place->fd, step->type);
}

/* Attaches one program, unless its unit does not run, and pins it and its link below @staging. */
static int attach_program(const struct place *place, const char *current, const char *staging,
			  const struct bpf_program *program, struct step *step)
{
	const char *name = bpf_program__name(program);
	int fd = bpf_program__fd(program), err;

	step->type = bpf_program__expected_attach_type(program);
	step->old = get_pin(current, "programs", name);
	step->link = step->old < 0 ? -1 : get_pin(current, "links", name);
	step->new = -1;
	/* The same one goes on to be the one that systemd knows. */
	if (step->old >= 0 && same_program(fd, step->old))
		fd = step->old;
	/* First, so that it is found if this run is killed. */
	err = pin(fd, staging, "programs", name);
	if (err || place->fd < 0)
		return err;
	err = attach(place, fd, step);
	if (err)
		complain("cannot attach to %s: %s%s", bpf_program__section_name(program),
			 strerror(-err), hint(err));
	else if (step->link >= 0)
		err = pin(step->link, staging, "links", name);
	return err;
}

static int pin_maps(const char *staging, struct bpf_object *object)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, object) {
		char *name = map_pin(map);

		err = err ?: pin(bpf_map__fd(map), staging, "maps", name);
		free(name);
	}
	return err;
}

static int make_staging(const struct place *place, const char *tool, const char *staging)
{
	static const char * const kinds[] = { "", "/links", "/programs", "/maps" };
	int err = make_directory(place->pins);

	undo_staging(place, tool);
	for (unsigned int i = 0; i < 4 && !err; i++) {
		char *path = text("%s%s", staging, kinds[i]);

		err = make_directory(path);
		free(path);
	}
	return err;
}

bool attach_programs(const struct place *place, const char *tool, struct bpf_object *object)
{
	char *current = text("%s/%s", place->pins, tool);
	char *staging = text("%s/%s+", place->pins, tool);
	struct bpf_program *program;
	int count = 0, err;
	struct step *steps;

	bpf_object__for_each_program(program, object)
		count++;
	steps = allocate(count * sizeof(*steps));
	count = 0;
	err = make_staging(place, tool, staging) ?: pin_maps(staging, object);
	bpf_object__for_each_program(program, object) {
		if (err || !bpf_program__autoload(program))
			continue;
		err = attach_program(place, current, staging, program, &steps[count++]);
	}
	/* What was there has the name of the staging then, and goes with it. */
	if (!err && renameat2(AT_FDCWD, staging, AT_FDCWD, current, RENAME_EXCHANGE))
		err = errno == ENOENT && !rename(staging, current) ? 0 : -errno;
	if (err) {
		complain("%s: %s; nothing was changed", place->name, strerror(-err));
		for (int i = 0; i < count; i++)
			take_back(place, &steps[i]);
	}
	remove_pins(staging);
	rmdir(place->pins);
	for (int i = 0; i < count; i++) {
		close(steps[i].link);
		close(steps[i].old);
	}
	free(steps);
	free(current);
	free(staging);
	return !err;
}

/* The cgroup that a unit has now. */
static void detach_from_unit(const struct place *place, const char *current)
{
	char *folder = text("%s/programs", current);
	struct dirent **programs;
	int count = scandir(folder, &programs, not_hidden, alphasort);

	for (int i = 0; i < count; i++) {
		int fd = get_pin(current, "programs", programs[i]->d_name);
		enum bpf_attach_type type;

		if (fd >= 0 && type_of_program(programs[i]->d_name, &type))
			bpf_prog_detach2(fd, place->fd, type);
		close(fd);
	}
	free(folder);
}

bool detach_programs(const struct place *place, const char *tool)
{
	char *current = text("%s/%s", place->pins, tool);
	bool found = !access(current, F_OK);

	found |= undo_staging(place, tool);
	if (place->is_unit && place->fd >= 0)
		detach_from_unit(place, current);
	remove_pins(current);
	/* Only the last tool's. */
	rmdir(place->pins);
	free(current);
	return found;
}

void remove_place(const struct place *place)
{
	remove_pins(place->pins);
	close(place->fd);
	rmdir(place->path);
}

struct census count_programs(const struct place *place, const char *tool)
{
	char *folder = text("%s/%s", place->pins, tool), *path = text("%s/programs", folder);
	struct census census = {};
	struct dirent **programs;
	int count = scandir(path, &programs, not_hidden, alphasort);

	for (int i = 0; i < count; i++) {
		int fd = get_pin(folder, "programs", programs[i]->d_name);
		enum bpf_attach_type type;

		census.pinned++;
		if (fd >= 0 && place->fd >= 0 && type_of_program(programs[i]->d_name, &type) &&
		    is_attached(place, fd, type))
			census.attached++;
		close(fd);
	}
	free(path);
	free(folder);
	return census;
}

static int is_units(const struct dirent *entry)
{
	return not_hidden(entry) && entry->d_name[0] != '-';
}

/*
 * The file for whose unit the programs of @tool were pinned that this cgroup has; NULL if there
 * is none. A pin does not tell which unit that is.
 */
static char *file_of_unit(const struct place *place, const char *tool)
{
	struct dirent **names;
	int count = scandir(PINS, &names, is_units, alphasort);
	char *found = NULL;

	for (int i = 0; i < count && !found; i++) {
		struct place unit = *place;

		unit.pins = text(PINS "/%s", names[i]->d_name);
		if (count_programs(&unit, tool).attached)
			found = text("%s", names[i]->d_name);
		free(unit.pins);
	}
	return found;
}

bool is_pinned_for(const struct pinned *pinned, const struct place *place)
{
	struct place unit = *place;

	if (!pinned->is_unit)
		return !strcmp(pinned->owner, place->name);
	unit.pins = (char *)pinned->pins;
	return count_programs(&unit, pinned->tool).attached;
}

void need_no_file(const struct place *place, const char *tool)
{
	char *name = file_of_unit(place, tool);

	if (name)
		fail("%s: /etc/cgsock/%s.conf says what is set here; see cgsock apply --help",
		     place->name, name);
}

bool find_tool(const struct place *place, const char *tool, struct place *holder)
{
	char *name = text("%s", place->name), *slash, *file;
	bool found;

	for (;;) {
		char *pins;

		place_of(holder, *name ? name : "/");
		pins = text("%s/%s", holder->pins, tool);
		found = !access(pins, F_OK);
		free(pins);
		file = found ? NULL : file_of_unit(holder, tool);
		if (file) {
			holder->pins = text(PINS "/%s", file);
			holder->is_unit = true;
			found = true;
		}
		slash = strrchr(name, '/');
		if (found || !slash || !*name || !strcmp(name, "/"))
			break;
		*slash = '\0';
	}
	free(name);
	return found;
}

struct search {
	const struct place *place;
	const char *tool;
	bool lost;
};

static void note_lost(const struct attached *attached, void *data)
{
	struct search *search = data;

	if (attached->lost && !strcmp(attached->cgroup, search->place->name) &&
	    !strcmp(attached->tool, search->tool))
		search->lost = true;
}

void need_tool(const struct place *place, const char *tool)
{
	struct search search = { .place = place, .tool = tool };

	see_attached(note_lost, &search);
	if (search.lost)
		fail("%s: the cgroup was made anew, and what was set is lost; set it again",
		     place->name);
}

int clear_tool(const struct place *place, const char *tool)
{
	struct place holder;

	/* Of a cgroup that is gone, begin_change() has cleared it. */
	if (detach_programs(place, tool) || place->fd < 0)
		return 0;
	need_no_file(place, tool);
	if (find_tool(place, tool, &holder))
		fail("%s: there is nothing to clear here; it is inherited from %s", place->name,
		     holder.name);
	fail("%s: there is nothing to clear", place->name);
}

char *program_lines(const struct place *place)
{
	char *lines = NULL, *path;
	struct dirent **tools, **programs;
	int count, n;
	size_t size;
	FILE *stream = open_memstream(&lines, &size);

	count = scandir(place->pins, &tools, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		path = text("%s/%s/programs", place->pins, tools[i]->d_name);
		n = scandir(path, &programs, not_hidden, alphasort);
		for (int j = 0; j < n; j++)
			/* A program is called TOOL_HOOK, as systemd calls the hook. */
			fprintf(stream, "BPFProgram=%s:%s/%s\n",
				hook_of(programs[j]->d_name), path, programs[j]->d_name);
		free(path);
	}
	fclose(stream);
	return lines;
}

/* A name that escape() made; false if it is none of a cgroup. */
static bool unescape(const char *escaped, char *name)
{
	unsigned int byte;

	if (*escaped != '-')
		return false;
	while (*escaped) {
		if (*escaped != '%') {
			*name++ = *escaped == '-' ? '/' : *escaped;
			escaped++;
			continue;
		}
		if (!isxdigit((unsigned char)escaped[1]) ||
		    !isxdigit((unsigned char)escaped[2]) || sscanf(escaped + 1, "%2x", &byte) != 1)
			return false;
		*name++ = byte;
		escaped += 3;
	}
	*name = '\0';
	return true;
}

bool place_of_pins(struct place *place, const char *escaped)
{
	char name[NAME_MAX + 1];

	if (!unescape(escaped, name))
		return false;
	place_of(place, name);
	return true;
}

static void see_link(struct attached *attached, const struct place *place,
		     see_attached_fn *see, void *data)
{
	char *directory = text("%s/%s", place->pins, attached->tool);
	int fd = get_pin(directory, "links", attached->program);
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);

	free(directory);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		fail("%s/%s/links/%s: %s", place->pins, attached->tool, attached->program,
		     strerror(errno));
	close(fd);
	attached->link_id = info.id;
	attached->program_id = info.prog_id;
	attached->attach_type = info.cgroup.attach_type;
	attached->cgroup_id = info.cgroup.cgroup_id;
	attached->lost = !info.cgroup.cgroup_id || place->fd < 0 ||
			 info.cgroup.cgroup_id != id_of_cgroup(place->fd);
	see(attached, data);
}

void see_attached(see_attached_fn *see, void *data)
{
	struct dirent **cgroups, **tools, **links;
	int count, n, m;

	count = scandir(PINS, &cgroups, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		char name[NAME_MAX + 1];
		struct place place;

		if (!unescape(cgroups[i]->d_name, name))
			continue;
		place_of(&place, name);
		n = scandir(place.pins, &tools, not_hidden, alphasort);
		for (int j = 0; j < n; j++) {
			char *path = text("%s/%s/links", place.pins, tools[j]->d_name);

			m = scandir(path, &links, not_hidden, alphasort);
			for (int k = 0; k < m; k++) {
				struct attached attached = {
					.cgroup = place.name,
					.tool = tools[j]->d_name,
					.program = links[k]->d_name,
				};

				see_link(&attached, &place, see, data);
			}
			free(path);
		}
		close(place.fd);
	}
}

static void see_programs(struct pinned *pinned, see_pinned_fn *see, void *data)
{
	char *path = text("%s/programs", pinned->folder);
	struct dirent **programs;
	int count = scandir(path, &programs, not_hidden, alphasort);

	for (int i = 0; i < count; i++) {
		int fd = get_pin(pinned->folder, "programs", programs[i]->d_name);
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size)) {
			pinned->program_id = info.id;
			see(pinned, data);
		}
		close(fd);
	}
	free(path);
}

void see_pinned(see_pinned_fn *see, void *data)
{
	struct dirent **owners, **tools;
	int count = scandir(PINS, &owners, not_hidden, alphasort), n;

	for (int i = 0; i < count; i++) {
		char name[NAME_MAX + 1], *pins = text(PINS "/%s", owners[i]->d_name);
		bool is_cgroup = unescape(owners[i]->d_name, name);

		if (!is_cgroup && !is_units(owners[i]))
			continue;
		n = scandir(pins, &tools, not_hidden, alphasort);
		for (int j = 0; j < n; j++) {
			char *folder = text("%s/%s", pins, tools[j]->d_name);
			struct pinned pinned = {
				.owner = is_cgroup ? name : owners[i]->d_name,
				.is_unit = !is_cgroup,
				.tool = tools[j]->d_name,
				.pins = pins,
				.folder = folder,
			};

			see_programs(&pinned, see, data);
			free(folder);
		}
		free(pins);
	}
}

/* Whether one of its cgroups is still there; another mount may not show which. */
static bool is_alive(const struct place *place, const char *tool)
{
	char *folder = text("%s/%s", place->pins, tool), *path = text("%s/links", folder);
	struct dirent **links;
	int count = scandir(path, &links, not_hidden, alphasort);
	bool alive = false;

	for (int i = 0; i < count && !alive; i++) {
		int link = get_pin(folder, "links", links[i]->d_name);

		alive = link >= 0 && cgroup_of_link(link);
		close(link);
	}
	free(path);
	free(folder);
	return alive;
}

/* What is left of cgroups that are gone, and of runs that were killed. */
static void sweep_pins(void)
{
	struct dirent **cgroups, **tools;
	int count = scandir(PINS, &cgroups, not_hidden, alphasort), n;

	for (int i = 0; i < count; i++) {
		char name[NAME_MAX + 1];
		struct place place;

		if (!unescape(cgroups[i]->d_name, name))
			continue;
		place_of(&place, name);
		n = scandir(place.pins, &tools, NULL, alphasort);
		for (int j = 0; j < n; j++) {
			char *tool = tools[j]->d_name, *plus = strchr(tool, '+');

			if (tool[0] == '.')
				continue;
			if (plus) {
				*plus = '\0';
				undo_staging(&place, tool);
			} else if (place.fd < 0 && !is_alive(&place, tool)) {
				char *path = text("%s/%s", place.pins, tool);

				remove_pins(path);
				free(path);
			}
		}
		/* Only if it is empty. */
		rmdir(place.pins);
		close(place.fd);
	}
}

void begin_change(void)
{
	int fd;

	begin_look();
	/* Nobody else can open it and hold the lock. */
	if (mkdir(PINS, 0700) && errno != EEXIST)
		fail(PINS ": %s", strerror(errno));
	need_own_pins();
	fd = open(PINS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0700) || flock(fd, LOCK_EX))
		fail(PINS ": %s", strerror(errno));
	sweep_pins();
}

char *name_of_program(__u32 id)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	char *name = NULL;

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && *info.name)
		name = text("%s", info.name);
	close(fd);
	return name ?: text("?");
}
