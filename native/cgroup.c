// Control groups: creating, limiting, joining, killing, removing.
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "syscalls.h"

bool cgroup_path_valid(const char *path) {
  size_t length = strlen(path);
  if (length == 0 || length > 900 || path[0] == '/' || path[length - 1] == '/') return false;
  for (const char *at = path; at != NULL; at = strchr(at, '/') == NULL ? NULL : strchr(at, '/') + 1) {
    size_t part = strcspn(at, "/");
    if (part == 0 || part > 200 || (part == 1 && at[0] == '.') || (part == 2 && strncmp(at, "..", 2) == 0))
      return false;
  }
  return true;
}

int resources_read(const struct json *object, struct resources *result, struct failure *failure) {
  *result = (struct resources){0};
  if (json_read_integer(object, "cpuQuotaUs", &result->cpu_quota_us, failure) < 0) return -1;
  if (json_read_integer(object, "cpuPeriodUs", &result->cpu_period_us, failure) < 0) return -1;
  if (json_read_integer(object, "cpuShares", &result->cpu_shares, failure) < 0) return -1;
  if (json_read_integer(object, "memoryLimitBytes", &result->memory_limit_bytes, failure) < 0) return -1;
  return json_read_integer(object, "pidsLimit", &result->pids_limit, failure);
}

int cgroup_write(const struct cgroup_hierarchy *hierarchy, const char *path, const char *file, const char *text) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s/%s/%s", hierarchy->mount, path, file);
  int fd = open(name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = write(fd, text, strlen(text));
  int error = errno;
  close(fd);
  errno = error;
  return written < 0 ? -1 : 0;
}

static void enable_v2_controllers(const struct cgroup_host *host, const char *path) {
  static const char *const names[] = {"cpu", "memory", "pids"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char text[16];
    snprintf(text, sizeof text, "+%s", names[i]);
    if (cgroup_find(host, names[i]) != NULL) cgroup_write(&host->hierarchies[0], path, "cgroup.subtree_control", text);
  }
}

static int make_path(const struct cgroup_host *host, const struct cgroup_hierarchy *hierarchy, const char *path) {
  char name[PATH_MAX];
  char part[1024];
  snprintf(part, sizeof part, "%s", path);
  if (host->mode == CGROUP_V2) enable_v2_controllers(host, ".");
  for (char *slash = part;; slash++) {
    slash = strchr(slash, '/');
    if (slash != NULL) *slash = '\0';
    snprintf(name, sizeof name, "%s/%s", hierarchy->mount, part);
    if (mkdir(name, 0755) < 0 && errno != EEXIST) return -1;
    if (slash == NULL) return 0;
    if (host->mode == CGROUP_V2) enable_v2_controllers(host, part);
    *slash = '/';
  }
}

int cgroup_create(const struct cgroup_host *host, const char *path, struct failure *failure) {
  for (int i = 0; i < host->count; i++) {
    if (make_path(host, &host->hierarchies[i], path) < 0) return fail_errno(failure, "create cgroup %s", path);
  }
  return 0;
}

struct setting {
  const char *controller;
  const char *v1_file;
  const char *v2_file;
  char v1_text[64];
  char v2_text[64];
};

static int apply_setting(const struct cgroup_host *host, const char *path, const struct setting *setting,
                         struct strings *warnings) {
  const struct cgroup_hierarchy *hierarchy = cgroup_find(host, setting->controller);
  if (hierarchy == NULL) {
    strings_take(warnings, format_string("cgroup: no %s controller, its limits are not applied", setting->controller));
    return 0;
  }
  bool v2 = host->mode == CGROUP_V2;
  const char *file = v2 ? setting->v2_file : setting->v1_file;
  if (cgroup_write(hierarchy, path, file, v2 ? setting->v2_text : setting->v1_text) == 0) return 0;
  strings_take(warnings, format_string("cgroup: write %s: %s", file, strerror(errno)));
  return -1;
}

static void limit_cpu(const struct cgroup_host *host, const char *path, const struct resources *r,
                      struct strings *warnings) {
  int64_t period = r->cpu_period_us > 0 ? r->cpu_period_us : 100000;
  if (r->cpu_shares > 0) {
    int64_t shares = r->cpu_shares < 2 ? 2 : r->cpu_shares > 262144 ? 262144 : r->cpu_shares;
    struct setting setting = {"cpu", "cpu.shares", "cpu.weight", "", ""};
    snprintf(setting.v1_text, sizeof setting.v1_text, "%" PRId64, shares);
    snprintf(setting.v2_text, sizeof setting.v2_text, "%" PRId64, 1 + (shares - 2) * 9999 / 262142);
    apply_setting(host, path, &setting, warnings);
  }
  if (r->cpu_quota_us > 0) {
    struct setting setting = {"cpu", "cpu.cfs_period_us", "cpu.max", "", ""};
    snprintf(setting.v1_text, sizeof setting.v1_text, "%" PRId64, period);
    snprintf(setting.v2_text, sizeof setting.v2_text, "%" PRId64 " %" PRId64, r->cpu_quota_us, period);
    apply_setting(host, path, &setting, warnings);
    setting.v1_file = "cpu.cfs_quota_us";
    snprintf(setting.v1_text, sizeof setting.v1_text, "%" PRId64, r->cpu_quota_us);
    if (host->mode != CGROUP_V2) apply_setting(host, path, &setting, warnings);
  }
}

static void limit_memory(const struct cgroup_host *host, const char *path, int64_t limit, struct strings *warnings) {
  struct setting setting = {"memory", "memory.limit_in_bytes", "memory.max", "", ""};
  const struct cgroup_hierarchy *hierarchy = cgroup_find(host, "memory");
  bool v1 = host->mode != CGROUP_V2;
  snprintf(setting.v1_text, sizeof setting.v1_text, "%" PRId64, limit);
  strcpy(setting.v2_text, setting.v1_text);
  // Swap accounting is optional in both versions. v1 keeps memory <= memory + swap at every moment: when growing, the
  // sum has to go first; when shrinking (and at first), memory has to.
  if (v1 && hierarchy != NULL) cgroup_write(hierarchy, path, "memory.memsw.limit_in_bytes", setting.v1_text);
  int result = apply_setting(host, path, &setting, warnings);
  if (result < 0 || hierarchy == NULL) return;
  if (v1) {
    cgroup_write(hierarchy, path, "memory.memsw.limit_in_bytes", setting.v1_text);
  } else {
    cgroup_write(hierarchy, path, "memory.swap.max", "0");
  }
}

void cgroup_oom_as_group(const struct cgroup_host *host, const char *path) {
  const struct cgroup_hierarchy *hierarchy = cgroup_find(host, "memory");
  if (host->mode == CGROUP_V2 && hierarchy != NULL) cgroup_write(hierarchy, path, "memory.oom.group", "1");
}

int cgroup_limit(const struct cgroup_host *host, const char *path, const struct resources *resources,
                 struct strings *warnings, struct failure *failure) {
  (void)failure;
  limit_cpu(host, path, resources, warnings);
  if (resources->memory_limit_bytes > 0) limit_memory(host, path, resources->memory_limit_bytes, warnings);
  if (resources->pids_limit > 0) {
    struct setting setting = {"pids", "pids.max", "pids.max", "", ""};
    snprintf(setting.v1_text, sizeof setting.v1_text, "%" PRId64, resources->pids_limit);
    strcpy(setting.v2_text, setting.v1_text);
    apply_setting(host, path, &setting, warnings);
  }
  return 0;
}

// A thread that moves itself need not hold still the host's forks, as a write to cgroup.procs does: that waits for an RCU
// grace period, 5 to 10 ms. On v2 only threaded groups have such a file.
static const char V1_SELF[] = "tasks";

void cgroup_entry_open(const struct cgroup_host *host, const char *path, struct cgroup_entry *entry) {
  char name[PATH_MAX];
  *entry = (struct cgroup_entry){.directory = -1};
  if (host->mode == CGROUP_V2) {
    snprintf(name, sizeof name, "%s/%s", host->hierarchies[0].mount, path);
    entry->directory = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return;
  }
  for (int i = 0; i < host->count; i++) {
    snprintf(name, sizeof name, "%s/%s/%s", host->hierarchies[i].mount, path, V1_SELF);
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) entry->files[entry->count++] = fd;
  }
}

void cgroup_entry_close(const struct cgroup_entry *entry) {
  if (entry->directory >= 0) close(entry->directory);
  for (int i = 0; i < entry->count; i++) close(entry->files[i]);
}

int cgroup_enter(const struct cgroup_host *host, const char *path) {
  int result = 0;
  for (int i = 0; i < host->count; i++) {
    const char *file = host->mode == CGROUP_V2 ? "cgroup.procs" : V1_SELF;
    if (cgroup_write(&host->hierarchies[i], path, file, "0") < 0) result = -1;
  }
  return result;
}

int cgroup_open_trees(const struct cgroup_host *host, const char *path, bool writable,
                      int fds[CGROUP_MAX_HIERARCHIES]) {
  for (int i = 0; i < host->count; i++) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/%s", host->hierarchies[i].mount, path);
    fds[i] = sys_open_tree(AT_FDCWD, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
                                                (writable ? 0 : MOUNT_ATTR_RDONLY)};
    if (fds[i] >= 0) sys_mount_setattr(fds[i], "", AT_EMPTY_PATH, &attributes);
  }
  return host->count;
}

// Calls `visit` on every group below `path`, deepest first, then on itself.
static void walk_groups(const char *path, void (*visit)(const char *path, void *context), void *context) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  while (directory != NULL && (entry = readdir(directory)) != NULL) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    char child[PATH_MAX];
    if (snprintf(child, sizeof child, "%s/%s", path, entry->d_name) < (int)sizeof child)
      walk_groups(child, visit, context);
  }
  if (directory != NULL) closedir(directory);
  visit(path, context);
}

static void kill_group(const char *path, void *context) {
  bool *any = context;
  char name[PATH_MAX + 16];
  snprintf(name, sizeof name, "%s/cgroup.procs", path);
  FILE *file = fopen(name, "re");
  if (file == NULL) return;
  int pid;
  while (fscanf(file, "%d", &pid) == 1) {
    // 0: a process of a PID namespace outside ours.
    if (pid <= 0 || pid == getpid()) continue;
    *any = true;
    kill(pid, SIGKILL);
  }
  fclose(file);
}

static const struct cgroup_hierarchy *process_hierarchy(const struct cgroup_host *host) {
  const struct cgroup_hierarchy *hierarchy = cgroup_find(host, "pids");
  return hierarchy != NULL || host->count == 0 ? hierarchy : &host->hierarchies[0];
}

bool cgroup_kill(const struct cgroup_host *host, const char *path) {
  const struct cgroup_hierarchy *hierarchy = process_hierarchy(host);
  if (hierarchy == NULL) return false;
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s/%s", hierarchy->mount, path);
  bool any = false;
  // With no more forks allowed, one round reaches everybody.
  if (host->mode == CGROUP_V2) cgroup_write(hierarchy, path, "cgroup.kill", "1");
  else cgroup_write(hierarchy, path, "pids.max", "0");
  walk_groups(name, kill_group, &any);
  return any;
}

static void remove_group(const char *path, void *context) {
  bool *busy = context;
  if (rmdir(path) < 0 && errno == EBUSY) *busy = true;
}

int cgroup_remove(const struct cgroup_host *host, const char *path) {
  bool busy = false;
  for (int i = 0; i < host->count; i++) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/%s", host->hierarchies[i].mount, path);
    walk_groups(name, remove_group, &busy);
  }
  errno = EBUSY;
  return busy ? -1 : 0;
}
