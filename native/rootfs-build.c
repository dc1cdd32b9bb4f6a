// The child's half of a root file system: everything is put together inside pause's empty mount namespace, then it
// becomes "/".
#include <errno.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/ioctl.h>

#include "resolve.h"
#include "rootfs.h"
#include "syscalls.h"

struct build_state {
  struct rootfs_build *build;
  int null;  // pause's /null and /empty, for masks
  int empty;
  int shm;
  int dev;
  int pts;
};

static int step_failed(struct build_state *state, const char *step, const char *detail) {
  state->build->step = step;
  state->build->detail = detail;
  return -1;
}

static int mount_onto(int tree, int target) {
  return sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// A fresh file system, detached. `options` are key, value pairs that end with NULL.
static int make_filesystem(const char *type, const char *const options[], unsigned int attributes) {
  int context = sys_fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int result = sys_fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0);
  for (; result == 0 && options[0] != NULL; options += 2) {
    result = sys_fsconfig(context, FSCONFIG_SET_STRING, options[0], options[1], 0);
  }
  if (result == 0) result = sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
  if (result == 0) result = sys_fsmount(context, FSMOUNT_CLOEXEC, attributes);
  int error = errno;
  close(context);
  errno = error;
  return result;
}

static int open_directory(struct build_state *state, const char *path) {
  struct resolve_options options = {.create = true, .mode = 0755};
  return resolve_in_root(state->build->plan->root, path, &options);
}

// Mounts onto a directory of the new root that is made when missing.
static int mount_at(struct build_state *state, int tree, const char *path) {
  if (tree < 0) return step_failed(state, "create mount for", path);
  int target = open_directory(state, path);
  if (target < 0 || mount_onto(tree, target) < 0) return step_failed(state, "mount", path);
  close(target);
  return 0;
}

static int mount_proc(struct build_state *state) {
  static const char *const options[] = {NULL};
  int tree = make_filesystem("proc", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  return mount_at(state, tree, "/proc");
}

static int mount_cgroups(struct build_state *state) {
  static const char *const options[] = {"mode", "0755", NULL};
  const struct rootfs_plan *plan = state->build->plan;
  if (plan->cgroup_count == 0) return 0;
  if (plan->cgroup_unified) return plan->cgroups[0] < 0 ? 0 : mount_at(state, plan->cgroups[0], "/sys/fs/cgroup");
  unsigned int attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  int tree = make_filesystem("tmpfs", options, attributes);
  if (tree < 0) return step_failed(state, "create mount for", "/sys/fs/cgroup");
  for (int i = 0; i < plan->cgroup_count; i++) mkdirat(tree, plan->cgroup_names[i], 0755);
  if (mount_at(state, tree, "/sys/fs/cgroup") < 0) return -1;
  for (int i = 0; i < plan->cgroup_count; i++) {
    if (plan->cgroups[i] < 0) continue;
    unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH;
    if (sys_move_mount(plan->cgroups[i], "", tree, plan->cgroup_names[i], flags) < 0) {
      return step_failed(state, "mount cgroup", plan->cgroup_names[i]);
    }
  }
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  return sys_mount_setattr(tree, "", AT_EMPTY_PATH, &read_only) < 0 ? step_failed(state, "seal", "/sys/fs/cgroup") : 0;
}

static int mount_sys(struct build_state *state) {
  static const char *const options[] = {NULL};
  unsigned int attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  if (!state->build->plan->writable_system) attributes |= MOUNT_ATTR_RDONLY;
  if (mount_at(state, make_filesystem("sysfs", options, attributes), "/sys") < 0) return -1;
  return mount_cgroups(state);
}

static int make_node(int dev, const char *path, mode_t mode, dev_t device) {
  if (mknodat(dev, path, mode, device) < 0 && errno != EEXIST) return -1;
  return fchmodat(dev, path, mode & 07777, 0);
}

static int make_standard_nodes(struct build_state *state) {
  static const struct {
    const char *name;
    unsigned int minor;
  } nodes[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}};
  static const char *const links[][2] = {{"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"},
                                         {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
                                         {"pts/ptmx", "ptmx"},          {"/proc/kcore", "core"}};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    if (make_node(state->dev, nodes[i].name, S_IFCHR | 0666, makedev(1, nodes[i].minor)) < 0) return -1;
  }
  if (make_node(state->dev, "tty", S_IFCHR | 0666, makedev(5, 0)) < 0) return -1;
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    if (symlinkat(links[i][0], state->dev, links[i][1]) < 0) return -1;
  }
  return 0;
}

static int make_extra_nodes(struct build_state *state) {
  const struct rootfs_plan *plan = state->build->plan;
  for (size_t i = 0; i < plan->device_count; i++) {
    const struct device_node *node = &plan->devices[i];
    if (node->path[0] == '/') continue;
    char directory[256];
    const char *slash = strrchr(node->path, '/');
    if (slash != NULL && (size_t)(slash - node->path) < sizeof directory) {
      memcpy(directory, node->path, (size_t)(slash - node->path));
      directory[slash - node->path] = '\0';
      struct resolve_options options = {.create = true, .mode = 0755};
      int fd = resolve_in_root(state->dev, directory, &options);
      if (fd >= 0) close(fd);
    }
    if (make_node(state->dev, node->path, node->mode, node->device) < 0)
      return step_failed(state, "create device", node->path);
    fchownat(state->dev, node->path, node->uid, node->gid, AT_SYMLINK_NOFOLLOW);
  }
  return 0;
}

static int mount_below_dev(struct build_state *state, int tree, const char *name) {
  if (tree < 0 || (mkdirat(state->dev, name, 0755) < 0 && errno != EEXIST))
    return step_failed(state, "create mount for /dev/", name);
  if (sys_move_mount(tree, "", state->dev, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return step_failed(state, "mount /dev/", name);
  return 0;
}

static int mount_dev(struct build_state *state) {
  static const char *const dev_options[] = {"mode", "0755", "size", "65536k", NULL};
  static const char *const pts_options[] = {"ptmxmode", "0666", "mode", "0620", "gid", "5", NULL};
  static const char *const none[] = {NULL};
  state->dev = make_filesystem("tmpfs", dev_options, MOUNT_ATTR_NOSUID);
  if (state->dev < 0 || make_standard_nodes(state) < 0) return step_failed(state, "populate", "/dev");
  if (make_extra_nodes(state) < 0 || mount_at(state, state->dev, "/dev") < 0) return -1;
  state->pts = make_filesystem("devpts", pts_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (mount_below_dev(state, state->pts, "pts") < 0) return -1;
  if (mount_below_dev(state, state->shm, "shm") < 0) return -1;
  int queues = make_filesystem("mqueue", none, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  // Kernels without POSIX message queues do without.
  if (queues >= 0 && mount_below_dev(state, queues, "mqueue") < 0) return -1;
  return 0;
}

int terminal_open(int pts, int *master, int *slave) {
  struct open_how how = {.flags = O_RDWR | O_NOCTTY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
  struct stat status;
  struct statfs system;
  int unlock = 0;
  *master = sys_openat2(pts, "ptmx", &how);
  if (*master < 0 || fstat(*master, &status) < 0 || fstatfs(*master, &system) < 0) return -1;
  // Whoever owns this mount namespace may have put something else here.
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) || system.f_type != DEVPTS_SUPER_MAGIC) {
    errno = ENOTTY;
    return -1;
  }
  if (ioctl(*master, TIOCSPTLCK, &unlock) < 0) return -1;
  *slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return *slave < 0 ? -1 : 0;
}

static int mount_console(struct build_state *state) {
  if (terminal_open(state->pts, &state->build->master, &state->build->slave) < 0)
    return step_failed(state, "open", "terminal");
  int number = 0;
  ioctl(state->build->master, TIOCGPTN, &number);
  char name[2] = {(char)('0' + number % 10), '\0'};
  int fd = openat(state->dev, "console", O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0620);
  int tree = sys_open_tree(state->pts, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0 || tree < 0) return step_failed(state, "create", "/dev/console");
  close(fd);
  if (sys_move_mount(tree, "", state->dev, "console", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return step_failed(state, "mount", "/dev/console");
  close(tree);
  return 0;
}

static int mask_path(struct build_state *state, const char *path) {
  int target = open_in_root(state->build->plan->root, path, O_PATH);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  struct stat status;
  if (fstat(target, &status) < 0) return -1;
  int source = S_ISDIR(status.st_mode) ? state->empty : state->null;
  int tree = sys_open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  if (tree < 0 || mount_onto(tree, target) < 0) return -1;
  close(tree);
  close(target);
  return 0;
}

static int seal_path(struct build_state *state, const char *path) {
  int target = open_in_root(state->build->plan->root, path, O_PATH);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  int tree = sys_open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only) < 0) return -1;
  if (mount_onto(tree, target) < 0) return -1;
  close(tree);
  close(target);
  return 0;
}

static int protect_paths(struct build_state *state) {
  const struct rootfs_plan *plan = state->build->plan;
  for (size_t i = 0; i < plan->read_only_paths.count; i++) {
    if (seal_path(state, plan->read_only_paths.items[i]) < 0)
      return step_failed(state, "make read-only", plan->read_only_paths.items[i]);
  }
  for (size_t i = 0; i < plan->masked.count; i++) {
    if (mask_path(state, plan->masked.items[i]) < 0) return step_failed(state, "mask", plan->masked.items[i]);
  }
  return 0;
}

// The root itself and anything within /proc: a mount there would hide or fake what other programs trust.
static bool forbidden_target(int root, int target) {
  struct stat of_root;
  struct stat of_target;
  struct statfs system;
  if (fstat(root, &of_root) < 0 || fstat(target, &of_target) < 0 || fstatfs(target, &system) < 0) return true;
  bool is_root = of_root.st_dev == of_target.st_dev && of_root.st_ino == of_target.st_ino;
  return is_root || system.f_type == PROC_SUPER_MAGIC;
}

static int mount_volumes(struct build_state *state) {
  const struct rootfs_plan *plan = state->build->plan;
  for (size_t i = 0; i < plan->mount_count; i++) {
    const struct mount_plan *mount = &plan->mounts[i];
    struct resolve_options options = {.create = true, .last_is_file = mount->is_file, .mode = 0755};
    int target = resolve_in_root(plan->root, mount->destination, &options);
    if (target < 0) return step_failed(state, "create mount point", mount->destination);
    if (forbidden_target(plan->root, target)) {
      errno = EPERM;
      return step_failed(state, "mount onto", mount->destination);
    }
    if (mount_onto(mount->tree, target) < 0) return step_failed(state, "mount onto", mount->destination);
    close(target);
  }
  return 0;
}

// A node of /dev's file system that loses its name there once it is bound to its place: volumes and the image's own
// file systems may refuse to open devices.
static int place_device(struct build_state *state, const struct device_node *node) {
  static const char name[] = ".placed";
  const struct rootfs_plan *plan = state->build->plan;
  struct resolve_options options = {.create = true, .last_is_file = true, .mode = 0755};
  if (make_node(state->dev, name, node->mode, node->device) < 0) return -1;
  fchownat(state->dev, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW);
  int tree = sys_open_tree(state->dev, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return -1;
  int target = resolve_in_root(plan->root, node->path, &options);
  if (target < 0) return -1;
  if (forbidden_target(plan->root, target)) {
    errno = EPERM;
    return -1;
  }
  if (mount_onto(tree, target) < 0 || unlinkat(state->dev, name, 0) < 0) return -1;
  close(target);
  close(tree);
  return 0;
}

// Devices whose place is not below /dev.
static int place_devices(struct build_state *state) {
  const struct rootfs_plan *plan = state->build->plan;
  for (size_t i = 0; i < plan->device_count; i++) {
    const struct device_node *node = &plan->devices[i];
    if (node->path[0] == '/' && place_device(state, node) < 0) return step_failed(state, "create device", node->path);
  }
  return 0;
}

static int enter_root(struct build_state *state) {
  const struct rootfs_plan *plan = state->build->plan;
  int cwd = open_directory(state, state->build->cwd);
  if (cwd < 0) return step_failed(state, "create working directory", state->build->cwd);
  close(cwd);
  if (fchdir(plan->root) < 0 || sys_pivot_root(".", ".") < 0) return step_failed(state, "pivot_root", "");
  if (sys_umount(".", MNT_DETACH) < 0 || chdir("/") < 0) return step_failed(state, "leave the old root", "");
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  if (plan->read_only && sys_mount_setattr(AT_FDCWD, "/", 0, &read_only) < 0)
    return step_failed(state, "make read-only", "/");
  return 0;
}

static int take_from_pause(struct build_state *state) {
  const struct rootfs_plan *plan = state->build->plan;
  state->null = open("/null", O_PATH | O_CLOEXEC);
  state->empty = open("/empty", O_PATH | O_CLOEXEC);
  state->shm = plan->shm >= 0 ? plan->shm : sys_open_tree(AT_FDCWD, "/shm", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (state->null < 0 || state->empty < 0 || state->shm < 0) return step_failed(state, "open", "pause's files");
  if (sys_move_mount(plan->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return step_failed(state, "attach", "rootfs");
  return 0;
}

int rootfs_build(struct rootfs_build *build) {
  static int (*const steps[])(struct build_state *) = {take_from_pause, mount_proc, mount_sys, mount_dev};
  struct build_state state = {.build = build};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (steps[i](&state) < 0) return -1;
  }
  if (build->terminal && mount_console(&state) < 0) return -1;
  if (protect_paths(&state) < 0 || mount_volumes(&state) < 0 || place_devices(&state) < 0) return -1;
  return enter_root(&state);
}
