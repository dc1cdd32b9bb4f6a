// The monitor's half of a root file system: every source becomes a detached mount, errors are told before anything
// runs.
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include "resolve.h"
#include "rootfs.h"
#include "syscalls.h"

enum { MAX_LOWER = 500, MAX_MOUNTS = 1000, MAX_DEVICES = 4000 };

static int detach(int context, unsigned int attributes) {
  int tree = -1;
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    tree = sys_fsmount(context, FSMOUNT_CLOEXEC, attributes);
  int error = errno;
  close(context);
  errno = error;
  return tree;
}

// fsconfig takes values of 255 bytes: a longer path is opened, and named through its descriptor, which must live until
// the file system has been created (kernels before 6.5 look paths up only then).
enum { MAX_VALUE = 255 };

struct held {
  int fds[MAX_LOWER + 2];
  size_t count;
};

static int hold(struct held *held, const char *path, char text[40]) {
  int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  held->fds[held->count++] = fd;
  snprintf(text, 40, "/proc/self/fd/%d", fd);
  return 0;
}

static void release(struct held *held) {
  int error = errno;
  while (held->count > 0) close(held->fds[--held->count]);
  errno = error;
}

static int set_folder(int context, const char *option, const char *path, struct held *held) {
  char text[40];
  if (strlen(path) > MAX_VALUE) {
    if (hold(held, path, text) < 0) return -1;
    path = text;
  }
  return sys_fsconfig(context, FSCONFIG_SET_STRING, option, path, 0);
}

static int set_lower_each(int context, const struct strings *lower, struct held *held) {
  for (size_t i = 0; i < lower->count; i++) {
    if (set_folder(context, "lowerdir+", lower->items[i], held) < 0) return -1;
  }
  return 0;
}

// All in one value: numbers of descriptors, looked up from /proc/self/fd as working directory, leave room for about sixty.
static int set_lower_list(int context, const struct strings *lower, struct held *held) {
  struct buffer option = {0};
  int result = 0;
  for (size_t i = 0; result == 0 && i < lower->count; i++) {
    char text[40];
    result = hold(held, lower->items[i], text);
    if (i > 0) buffer_text(&option, ":");
    if (result == 0) buffer_text(&option, strrchr(text, '/') + 1);
  }
  buffer_append(&option, "", 1);
  if (result == 0 && option.length > MAX_VALUE + 1) {
    errno = E2BIG;
    result = -1;
  }
  if (result == 0) result = sys_fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", option.data, 0);
  int error = errno;
  buffer_free(&option);
  errno = error;
  return result;
}

typedef int set_lower(int context, const struct strings *lower, struct held *held);

static int try_overlay(const struct strings *lower, const char *upper, const char *work, set_lower *set) {
  struct held held = {0};
  int tree = -1;
  int context = sys_fsopen("overlay", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  sys_fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay", 0);
  int result = set(context, lower, &held);
  if (result == 0 && *upper != '\0') {
    result = set_folder(context, "upperdir", upper, &held);
    if (result == 0) result = set_folder(context, "workdir", work, &held);
  }
  if (result == 0) {
    tree = detach(context, 0);
  } else {
    int error = errno;
    close(context);
    errno = error;
  }
  release(&held);
  return tree;
}

static bool takes_lower_each(void) {
  struct utsname host;
  int major = 0;
  int minor = 0;
  if (uname(&host) < 0 || sscanf(host.release, "%d.%d", &major, &minor) != 2) return false;
  return major > 6 || (major == 6 && minor >= 8);
}

// Kernels before 6.8 have no `lowerdir+`, and those before 6.5 say so only when the file system is created.
static int open_overlay(const struct strings *lower, const char *upper, const char *work) {
  if (takes_lower_each()) return try_overlay(lower, upper, work, set_lower_each);
  int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int tree = before < 0 || chdir("/proc/self/fd") < 0 ? -1 : try_overlay(lower, upper, work, set_lower_list);
  int error = errno;
  if (before >= 0) {
    if (fchdir(before) < 0) tree = -1;
    close(before);
  }
  errno = error;
  return tree;
}

static int clone_tree(int directory, const char *path, bool recursive) {
  unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  if (*path == '\0') flags |= AT_EMPTY_PATH;
  return sys_open_tree(directory, path, flags);
}

static int prepare_root(const struct json *rootfs, struct rootfs_plan *plan, struct failure *failure) {
  const char *path = "";
  const char *upper = "";
  const char *work = "";
  struct strings lower = {0};
  if (json_read_string(rootfs, "path", &path, failure) < 0) return -1;
  if (json_read_string(rootfs, "upperDir", &upper, failure) < 0) return -1;
  if (json_read_string(rootfs, "workDir", &work, failure) < 0) return -1;
  if (json_read_boolean(rootfs, "readOnly", &plan->read_only, failure) < 0) return -1;
  int result = json_read_strings(rootfs, "lowerDirs", &lower, failure);
  if (result == 0 && (*path == '/') == (lower.count > 0)) {
    result = fail(failure, "InvalidRequest", "field \"rootfs\" needs either \"path\" or \"lowerDirs\"");
  }
  if (result == 0 && lower.count > MAX_LOWER) result = fail(failure, "InvalidRequest", "too many lowerDirs");
  if (result == 0) {
    if (*path == '/') plan->root = clone_tree(AT_FDCWD, path, false);
    else plan->root = open_overlay(&lower, upper, work);
    if (plan->root < 0) {
      result = fail_errno(failure, "mount rootfs");
      failure->code = "StartFailed";
    }
  }
  strings_free(&lower);
  return result;
}

static int open_tmpfs(const struct json *item, struct failure *failure) {
  int64_t size = 0;
  int64_t mode = 01777;
  if (json_read_integer(item, "sizeBytes", &size, failure) < 0) return -1;
  if (json_read_integer(item, "mode", &mode, failure) < 0) return -1;
  char text[32];
  int context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) return fail_errno(failure, "mount tmpfs");
  sys_fsconfig(context, FSCONFIG_SET_STRING, "source", "tmpfs", 0);
  snprintf(text, sizeof text, "%lld", (long long)size);
  if (size > 0) sys_fsconfig(context, FSCONFIG_SET_STRING, "size", text, 0);
  snprintf(text, sizeof text, "%llo", (unsigned long long)mode & 07777);
  sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", text, 0);
  int tree = detach(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  return tree < 0 ? fail_errno(failure, "mount tmpfs") : tree;
}

static int open_source(const char *source, const char *sub_path, struct failure *failure) {
  int fd = open(source, O_PATH | O_CLOEXEC);
  if (fd < 0) return fail_errno(failure, "mount source %s", source);
  if (*sub_path == '\0') return fd;
  struct resolve_options options = {.create = true, .mode = 0750, .beneath = true};
  int below = *sub_path == '/' ? (errno = EXDEV, -1) : resolve_in_root(fd, sub_path, &options);
  int error = errno;
  close(fd);
  errno = error;
  return below < 0 ? fail_errno(failure, "subPath %s of %s", sub_path, source) : below;
}

static int read_attributes(const struct json *item, struct mount_attr *own, bool *recursive_read_only,
                           struct failure *failure) {
  static const struct {
    const char *key;
    unsigned int flag;
  } flags[] = {{"readOnly", MOUNT_ATTR_RDONLY},
               {"noSuid", MOUNT_ATTR_NOSUID},
               {"noDev", MOUNT_ATTR_NODEV},
               {"noExec", MOUNT_ATTR_NOEXEC}};
  *own = (struct mount_attr){0};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    bool set = false;
    if (json_read_boolean(item, flags[i].key, &set, failure) < 0) return -1;
    if (set) own->attr_set |= flags[i].flag;
  }
  return json_read_boolean(item, "recursiveReadOnly", recursive_read_only, failure);
}

static int apply_attributes(int tree, const struct json *item, struct failure *failure) {
  struct mount_attr own;
  bool recursive_read_only = false;
  const char *propagation = "private";
  if (read_attributes(item, &own, &recursive_read_only, failure) < 0) return -1;
  if (json_read_string(item, "propagation", &propagation, failure) < 0) return -1;
  struct mount_attr all = {.attr_set = recursive_read_only ? MOUNT_ATTR_RDONLY : 0};
  all.propagation = strcmp(propagation, "shared") == 0  ? 1u << 20
                    : strcmp(propagation, "slave") == 0 ? 1u << 19
                                                        : 1u << 18;
  if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &all) < 0)
    return fail_errno(failure, "set mount propagation");
  if (own.attr_set != 0 && sys_mount_setattr(tree, "", AT_EMPTY_PATH, &own) < 0)
    return fail_errno(failure, "set mount flags");
  return 0;
}

static int open_mount(const struct json *item, struct mount_plan *mount, struct failure *failure) {
  const char *destination;
  const char *source = "";
  const char *type = "bind";
  const char *sub_path = "";
  if (json_require_string(item, "destination", &destination, failure) < 0) return -1;
  if (json_read_string(item, "source", &source, failure) < 0 || json_read_string(item, "type", &type, failure) < 0)
    return -1;
  if (json_read_string(item, "subPath", &sub_path, failure) < 0) return -1;
  bool is_tmpfs = strcmp(type, "tmpfs") == 0;
  if (*destination != '/' || (!is_tmpfs && *source != '/')) {
    return fail(failure, "InvalidRequest", "mount paths must be absolute (destination \"%s\")", destination);
  }
  mount->destination = copy_string(destination);
  if (is_tmpfs) {
    mount->tree = open_tmpfs(item, failure);
  } else {
    int fd = open_source(source, sub_path, failure);
    if (fd < 0) return -1;
    struct stat status = {0};
    fstat(fd, &status);
    mount->is_file = !S_ISDIR(status.st_mode);
    mount->tree = clone_tree(fd, "", true);
    if (mount->tree < 0) fail_errno(failure, "bind %s", source);
    close(fd);
  }
  return mount->tree < 0 ? -1 : apply_attributes(mount->tree, item, failure);
}

static int prepare_mounts(const struct json *list, struct rootfs_plan *plan, struct failure *failure) {
  size_t count = 0;
  for (const struct json *item = list == NULL ? NULL : list->child; item != NULL; item = item->next) count++;
  if (count > MAX_MOUNTS) return fail(failure, "InvalidRequest", "too many mounts");
  plan->mounts = allocate(count, sizeof *plan->mounts);
  for (const struct json *item = list == NULL ? NULL : list->child; item != NULL; item = item->next) {
    struct mount_plan *mount = &plan->mounts[plan->mount_count++];
    mount->tree = -1;
    if (open_mount(item, mount, failure) == 0) continue;
    if (strcmp(failure->code, "Failed") == 0) failure->code = "StartFailed";
    return -1;
  }
  return 0;
}

// runc's and containerd's lists (oci/spec.go, populateDefaultUnixSpec).
static const char *const MASKED[] = {"/proc/acpi",
                                     "/proc/asound",
                                     "/proc/interrupts",
                                     "/proc/kcore",
                                     "/proc/keys",
                                     "/proc/latency_stats",
                                     "/proc/timer_list",
                                     "/proc/timer_stats",
                                     "/proc/sched_debug",
                                     "/proc/scsi",
                                     "/sys/firmware",
                                     "/sys/devices/virtual/powercap",
                                     NULL};
static const char *const READ_ONLY[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

static int prepare_paths(const struct json *container, const char *key, const char *const *defaults,
                         struct strings *result, struct failure *failure) {
  if (json_member(container, key) != NULL) return json_read_strings(container, key, result, failure);
  for (; *defaults != NULL; defaults++) strings_add(result, *defaults);
  return 0;
}

int rootfs_prepare(const struct json *container, bool host_ipc, struct rootfs_plan *plan, struct failure *failure) {
  static const char *const nothing[] = {NULL};
  bool privileged = false;
  *plan = (struct rootfs_plan){.root = -1, .shm = -1};
  int result = json_read_boolean(container, "privileged", &privileged, failure);
  plan->writable_system = privileged;
  if (result == 0) result = prepare_root(json_member(container, "rootfs"), plan, failure);
  if (result == 0) result = prepare_mounts(json_member(container, "mounts"), plan, failure);
  if (result == 0)
    result = prepare_paths(container, "maskedPaths", privileged ? nothing : MASKED, &plan->masked, failure);
  if (result == 0) {
    result =
        prepare_paths(container, "readonlyPaths", privileged ? nothing : READ_ONLY, &plan->read_only_paths, failure);
  }
  if (result == 0 && host_ipc) plan->shm = clone_tree(AT_FDCWD, "/dev/shm", false);
  if (result < 0) rootfs_plan_free(plan);
  return result;
}

static void add_device(struct rootfs_plan *plan, const char *path, const struct stat *status, bool read_only) {
  if (plan->device_count >= MAX_DEVICES) return;
  plan->devices = reallocarray(plan->devices, plan->device_count + 1, sizeof *plan->devices);
  if (plan->devices == NULL) _exit(71);
  struct device_node *node = &plan->devices[plan->device_count++];
  *node = (struct device_node){.path = copy_string(path), .read_only = read_only};
  node->mode = status->st_mode;
  node->device = status->st_rdev;
  node->uid = status->st_uid;
  node->gid = status->st_gid;
}

static void add_directory(struct rootfs_plan *plan, const char *path, int depth) {
  static const char *const skipped[] = {"pts", "shm", "mqueue", "fd", "console", "ptmx", NULL};
  char full[PATH_MAX];
  snprintf(full, sizeof full, "/dev/%s", path);
  DIR *directory = opendir(full);
  struct dirent *entry;
  while (directory != NULL && (entry = readdir(directory)) != NULL) {
    bool skip = entry->d_name[0] == '.';
    for (int i = 0; depth == 0 && skipped[i] != NULL; i++) skip = skip || strcmp(entry->d_name, skipped[i]) == 0;
    char child[PATH_MAX / 2];
    struct stat status;
    int length = snprintf(child, sizeof child, "%s%s%s", path, *path == '\0' ? "" : "/", entry->d_name);
    if (skip || length >= (int)sizeof child) continue;
    if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (S_ISDIR(status.st_mode) && depth < 4) add_directory(plan, child, depth + 1);
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) add_device(plan, child, &status, false);
  }
  if (directory != NULL) closedir(directory);
}

int rootfs_prepare_devices(const struct json *container, bool all, struct rootfs_plan *plan, struct failure *failure) {
  if (all) add_directory(plan, "", 0);
  const struct json *list = json_member(container, "devices");
  for (const struct json *item = list == NULL ? NULL : list->child; item != NULL; item = item->next) {
    const char *path;
    if (json_require_string(item, "path", &path, failure) < 0) return -1;
    const char *host_path = path;
    if (json_read_string(item, "hostPath", &host_path, failure) < 0) return -1;
    bool read_only = false;
    if (json_read_boolean(item, "readOnly", &read_only, failure) < 0) return -1;
    struct stat status;
    if (stat(host_path, &status) < 0) return fail_errno(failure, "device %s", host_path);
    bool is_device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
    if (!is_device || path[0] != '/' || strstr(path, "..") != NULL) {
      return fail(failure, "InvalidRequest", "device %s: not a device, or not an absolute path", path);
    }
    add_device(plan, strncmp(path, "/dev/", 5) == 0 ? path + 5 : path, &status, read_only);
  }
  return 0;
}

struct device_rule device_rule_of(const struct device_node *node) {
  char type = S_ISBLK(node->mode) ? 'b' : 'c';
  return (struct device_rule){type, (int)major(node->device), (int)minor(node->device), node->read_only};
}

void rootfs_add_cgroups(struct rootfs_plan *plan, const struct cgroup_host *host, const char *path) {
  plan->cgroup_unified = host->mode == CGROUP_V2;
  plan->cgroup_count = cgroup_open_trees(host, path, plan->writable_system, plan->cgroups);
  for (int i = 0; i < plan->cgroup_count; i++) {
    const char *slash = strrchr(host->hierarchies[i].mount, '/');
    snprintf(plan->cgroup_names[i], sizeof plan->cgroup_names[i], "%s", slash == NULL ? "unknown" : slash + 1);
  }
}

void rootfs_plan_free(struct rootfs_plan *plan) {
  if (plan->root >= 0) close(plan->root);
  if (plan->shm >= 0) close(plan->shm);
  for (size_t i = 0; i < plan->mount_count; i++) {
    if (plan->mounts[i].tree >= 0) close(plan->mounts[i].tree);
    free(plan->mounts[i].destination);
  }
  for (size_t i = 0; i < plan->device_count; i++) free(plan->devices[i].path);
  for (int i = 0; i < plan->cgroup_count; i++) {
    if (plan->cgroups[i] >= 0) close(plan->cgroups[i]);
  }
  free(plan->mounts);
  free(plan->devices);
  strings_free(&plan->masked);
  strings_free(&plan->read_only_paths);
  *plan = (struct rootfs_plan){.root = -1, .shm = -1};
}
