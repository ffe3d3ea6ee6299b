// SPDX-License-Identifier: GPL-2.0
/* Cgroups: of a path, a unit, a container. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgsock.h"

#define FILEID_KERNFS	0xfe	/* the kernel's name for it */

static const char *mount_point(void)
{
	static char *found;
	struct mntent *entry;
	FILE *mounts;

	if (found)
		return found;
	mounts = setmntent("/proc/self/mounts", "r");
	if (!mounts)
		fail("/proc/self/mounts: %s; is /proc mounted?", strerror(errno));
	while (!found && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			found = text("%s", entry->mnt_dir);
	endmntent(mounts);
	if (!found)
		fail("no cgroup2 file system is mounted; mount -t cgroup2 none /sys/fs/cgroup");
	return found;
}

/* A BPF file system takes no dots, a name no slashes; "%" and "-" are ours. */
static char *escape(const char *name)
{
	char *escaped = allocate(3 * strlen(name) + 2), *end = escaped;

	for (; *name; name++) {
		if (isalnum((unsigned char)*name) || *name == '_' || *name == '@')
			*end++ = *name;
		else if (*name == '/')
			*end++ = '-';
		else
			end += sprintf(end, "%%%02x", (unsigned char)*name);
	}
	if (end - escaped > NAME_MAX)
		fail("the name of the cgroup is too long for a pin: %s", escaped);
	return escaped;
}

void place_of(struct place *place, const char *name)
{
	const char *mount = mount_point();
	char *escaped = escape(name);

	place->name = text("%s", name);
	place->path = text("%s%s", mount, strcmp(name, "/") ? name : "");
	place->pins = text(PINS "/%s", escaped);
	place->is_unit = false;
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(escaped);
}

/* Fails unless @path is a directory of the cgroup2 file system. */
static void place_at(struct place *place, const char *path)
{
	size_t length = strlen(mount_point());
	char *real = realpath(path, NULL);
	struct statfs fs;

	if (!real && errno == ENOENT)
		fail("%s: no such cgroup; make it with mkdir", path);
	if (!real)
		fail("%s: %s; a cgroup is a directory, usually below /sys/fs/cgroup", path,
		     strerror(errno));
	if (statfs(real, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC ||
	    strncmp(real, mount_point(), length) || (real[length] && real[length] != '/'))
		fail("%s: not a cgroup2 directory; these are below %s", path, mount_point());
	place_of(place, real[length] ? real + length : "/");
	if (place->fd < 0)
		fail("%s: %s", path, strerror(errno));
	free(real);
}

char *name_of_cgroup(__u64 id)
{
	struct {
		struct file_handle handle;
		__u64 id;
	} file = { .handle = { sizeof(id), FILEID_KERNFS }, .id = id };
	char path[PATH_MAX], *link;
	size_t mount_length = strlen(mount_point());
	int mount = open(mount_point(), O_RDONLY | O_CLOEXEC);
	int fd = open_by_handle_at(mount, &file.handle, O_PATH | O_CLOEXEC);
	ssize_t length = -1;

	close(mount);
	link = text("/proc/self/fd/%d", fd);
	if (fd >= 0)
		length = readlink(link, path, sizeof(path) - 1);
	free(link);
	close(fd);
	if (length < (ssize_t)mount_length)
		return text("(cgroup %llu, gone)", id);
	path[length] = '\0';
	return text("%s", path[mount_length] ? path + mount_length : "/");
}

/* How a directory's name can belong to what was asked for. */
static bool is_name(const char *name, const char *unit)
{
	return !strcmp(name, unit);
}

/* ID, docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope; the ID may be cut short. */
static bool is_container(const char *name, const char *id)
{
	const char *found = strstr(name, id);
	size_t digits;

	if (!found || (found > name && found[-1] != '-'))
		return false;
	digits = strspn(found, "0123456789abcdef");
	return digits == 64 && (!found[digits] || !strcmp(found + digits, ".scope"));
}

/*
 * Where names can be trusted. systemd lets others make cgroups, of any name, below the services
 * and scopes that it delegates to them, and never below a slice.
 */
static bool is_slice(const char *name, const struct stat *status)
{
	const char *dot = strrchr(name, '.');

	(void)status;
	return dot && !strcmp(dot, ".slice");
}

/* Containers are also in cgroups that systemd does not know, which their managers made as root. */
static bool is_of_managers(const char *name, const struct stat *status)
{
	const char *dot = strrchr(name, '.');

	return !status->st_uid && strspn(name, "0123456789abcdef") != 64 &&
	       !(dot && (!strcmp(dot, ".service") || !strcmp(dot, ".scope")));
}

/* What is looked for, and below which cgroups. */
struct search {
	const char *word;
	bool (*fits)(const char *name, const char *word);
	bool (*leads)(const char *name, const struct stat *status);
	char *found;
};

/* All cgroups whose directory's name fits; there should be one. */
static void search_below(struct search *search, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	struct stat status;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		char *child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
			continue;
		child = text("%s/%s", path, entry->d_name);
		if (search->fits(entry->d_name, search->word)) {
			if (search->found)
				fail("%s is more than one cgroup: %s and %s; use the path of one",
				     search->word, search->found, child);
			search->found = text("%s", child);
		} else if (search->leads(entry->d_name, &status)) {
			search_below(search, child);
		}
		free(child);
	}
	closedir(directory);
}

static char *find_unit(const char *unit)
{
	struct search search = { .word = unit, .fits = is_name, .leads = is_slice };

	search_below(&search, mount_point());
	return search.found;
}

static char *find_container(const char *id)
{
	struct search search = { .word = id, .fits = is_container, .leads = is_of_managers };

	search_below(&search, mount_point());
	return search.found;
}

static bool is_unit(const char *word)
{
	static const char * const kinds[] = {
		".service", ".slice", ".scope", ".socket", ".mount", ".swap"
	};
	const char *dot = strrchr(word, '.');

	for (unsigned int i = 0; dot && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(dot, kinds[i]))
			return true;
	return false;
}

void unit_place(struct place *place, const char *name, const char *unit)
{
	char *found;

	if (!is_unit(unit))
		fail("%s is not the name of a unit: NAME.service, NAME.slice", unit);
	found = find_unit(unit);
	place->name = text("%s", unit);
	place->path = found;
	place->pins = text(PINS "/%s", name);
	place->fd = found ? open(found, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	place->is_unit = true;
}

bool cgroup_of_unit(const struct place *unit, struct place *cgroup)
{
	if (unit->fd < 0)
		return false;
	place_of(cgroup, unit->path + strlen(mount_point()));
	return cgroup->fd >= 0;
}

/* The id of a container that @manager knows by this name, or NULL. */
static char *ask(const char *manager, const char *name)
{
	char *id = NULL, line[128];
	int pipes[2], status;
	FILE *stream;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		dup2(pipes[1], 1);
		close(2);
		open("/dev/null", O_WRONLY);
		execlp(manager, manager, "inspect", "--type", "container", "--format", "{{.Id}}",
		       "--", name, NULL);
		_exit(127);
	}
	close(pipes[1]);
	stream = fdopen(pipes[0], "r");
	if (stream && fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) == 64 && strspn(line, "0123456789abcdef") == 64)
			id = text("%s", line);
	}
	if (stream)
		fclose(stream);
	waitpid(pid, &status, 0);
	return id;
}

void find_place(struct place *place, const char *word)
{
	char *found = NULL, *below = text("%s/%s", mount_point(), word), *id = NULL;
	struct stat status;

	if (!*word)
		bad_value("the name of a cgroup is empty");
	if (*word == '.') {
		found = text("%s", word);
	} else if (!stat(below, &status)) {
		/* Also with a slash before it: cgsock prints it so. */
		found = text("%s", below);
	} else if (*word == '/') {
		found = text("%s", word);
	} else if (strchr(word, '/')) {
		found = text("%s", below);
	} else if (is_unit(word)) {
		found = find_unit(word);
		if (!found)
			fail("%s: this unit has no cgroup; is it running? See systemctl status %s",
			     word, word);
	} else if (strlen(word) >= 12 && strspn(word, "0123456789abcdef") == strlen(word)) {
		found = find_container(word);
		if (!found)
			fail("%s: no cgroup of a container with this id; is it running?", word);
	} else {
		id = ask("docker", word) ?: ask("podman", word);
		if (!id)
			fail("%s: not below %s, and neither docker nor podman knows it", word,
			     mount_point());
		found = find_container(id);
		if (!found)
			fail("%s: its container %.12s has no cgroup; is it running?", word, id);
	}
	place_at(place, found);
	free(found);
	free(below);
	free(id);
}

bool find_place_if_there(struct place *place, const char *word)
{
	char *below = text("%s/%s", mount_point(), word);
	bool is_there = !is_unit(word) || strchr(word, '/') || !access(below, F_OK) ||
			find_unit(word);

	free(below);
	if (is_there)
		find_place(place, word);
	return is_there;
}

void find_place_to_clear(struct place *place, const char *word)
{
	size_t length = strlen(mount_point());
	char *name;

	if (!strncmp(word, mount_point(), length) && word[length] == '/')
		name = text("%s", word + length);
	else
		name = text("%s%s", *word == '/' ? "" : "/", word);
	while (strlen(name) > 1 && name[strlen(name) - 1] == '/')
		name[strlen(name) - 1] = '\0';
	place_of(place, name);
	free(name);
	if (place->fd >= 0)
		close(place->fd);
	if (place->fd >= 0 || access(place->pins, F_OK))
		find_place(place, word);
}

void begin_change_at(struct place *place)
{
	int before = place->fd;

	begin_change();
	place_of(place, place->name);
	if (before >= 0 && place->fd < 0)
		fail("%s: this cgroup has just been removed", place->name);
	close(before);
}

/* From "/", without a slash at its end; allocated. */
static char *own_cgroup(void)
{
	char line[PATH_MAX], *own = NULL;
	FILE *file = fopen("/proc/self/cgroup", "re");

	while (file && !own && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::/", 4))
			own = text("%s", strcmp(line + 3, "/") ? line + 3 : "");
	}
	if (file)
		fclose(file);
	if (!own)
		fail("/proc/self/cgroup does not tell in which cgroup this is");
	return own;
}

/* Whether @user can move processes around in the first @length bytes of the name of a cgroup. */
static bool belongs_to(const char *name, size_t length, uid_t user)
{
	char *path = text("%s%.*s/cgroup.procs", mount_point(), (int)length, name);
	struct stat status;
	bool belongs;

	belongs = !stat(path, &status) && (status.st_uid == user || status.st_mode & 0002 ||
					   (status.st_gid && status.st_mode & 0020));
	free(path);
	return belongs;
}

/*
 * How much of the name of a cgroup is above all that belongs to @user. From a cgroup below what is
 * his, a process of his can move to another one there, as in user@1000.service.
 */
static size_t part_of_others(const char *name, uid_t user)
{
	size_t length = 0, end = 0;

	while (!belongs_to(name, end, user)) {
		length = end;
		if (!name[end])
			return length;
		end += 1 + strcspn(name + end + 1, "/");
	}
	if (!end)
		complain("note: all cgroups belong to user %u, so the command can leave its own",
			 user);
	else
		complain("note: the cgroup is made below %s, as user %u can leave one in %.*s",
			 length ? text("%.*s", (int)length, name) : "/", user, (int)end, name);
	return length;
}

static void wait_until_empty(const struct place *place)
{
	char *path = text("%s/cgroup.events", place->path), events[256];
	struct pollfd poll_events = { .events = POLLPRI };
	ssize_t size;

	poll_events.fd = open(path, O_RDONLY | O_CLOEXEC);
	while (poll_events.fd >= 0) {
		size = pread(poll_events.fd, events, sizeof(events) - 1, 0);
		if (size <= 0)
			break;
		events[size] = '\0';
		if (strstr(events, "populated 0"))
			break;
		poll(&poll_events, 1, -1);
	}
}

/*
 * The process that removes the cgroup makes it, too, so that none is left when the other one is
 * killed. @other is a socket that ends with that one and with the processes that it starts.
 */
static noreturn void stay_behind(const struct place *place, int other, last_fn *last, void *data)
{
	int null = open("/dev/null", O_RDWR), err;
	char byte;

	/* The manager of a unit stops all its processes at once, and waits for them. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	dup2(other, 3);
	closefrom(4);
	err = chdir("/") || mkdir(place->path, 0755) ? errno : 0;
	send(3, &err, sizeof(err), MSG_NOSIGNAL);
	if (err)
		_exit(1);
	while (read(3, &byte, 1) < 0 && errno == EINTR)
		;
	wait_until_empty(place);
	if (last)
		last(place, data);
	begin_change();
	remove_place(place);
	_exit(0);
}

void make_own_place(struct place *place, const char *name, uid_t user, last_fn *last, void *data)
{
	char *own = own_cgroup(), *path;
	size_t length = user ? part_of_others(own, user) : strlen(own);
	int ends[2], err;
	pid_t pid;

	path = text("%.*s/%s-%d", (int)length, own, name, getpid());
	place_of(place, path);
	pid = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ? -1 : fork();
	if (pid < 0)
		fail("cannot begin a process that cleans up: %s", strerror(errno));
	if (!pid) {
		/* The first child ends at once, so that nobody has to wait for the second. */
		close(ends[0]);
		if (setsid() < 0 || fork())
			_exit(0);
		stay_behind(place, ends[1], last, data);
	}
	waitpid(pid, NULL, 0);
	close(ends[1]);
	if (read(ends[0], &err, sizeof(err)) != sizeof(err))
		fail("cannot begin a process that cleans up");
	if (err)
		fail("cannot make the cgroup %s: %s", place->path, strerror(err));
	place_of(place, path);
	free(path);
	free(own);
}
