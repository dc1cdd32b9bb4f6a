// What a control group has used, and how often it ran out of memory.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "cgroup.h"
#include "syscalls.h"

static bool read_text(const struct cgroup_hierarchy *hierarchy, const char *path, const char *file, char *text,
                      size_t size) {
  if (hierarchy == NULL) return false;
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s/%s/%s", hierarchy->mount, path, file);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, size - 1);
  close(fd);
  text[length < 0 ? 0 : length] = '\0';
  return length > 0;
}

static int64_t read_number(const struct cgroup_hierarchy *hierarchy, const char *path, const char *file) {
  char text[64];
  return read_text(hierarchy, path, file, text, sizeof text) ? strtoll(text, NULL, 10) : -1;
}

// Value of a `key value` line, or -1.
static int64_t keyed(const char *text, const char *key) {
  size_t length = strlen(key);
  for (const char *line = text; line != NULL && *line != '\0';) {
    if (strncmp(line, key, length) == 0 && line[length] == ' ') return strtoll(line + length + 1, NULL, 10);
    line = strchr(line, '\n');
    if (line != NULL) line++;
  }
  return -1;
}

int64_t cgroup_oom_kills(const struct cgroup_host *host, const char *path) {
  char text[1024];
  const char *file = host->mode == CGROUP_V2 ? "memory.events" : "memory.oom_control";
  if (!read_text(cgroup_find(host, "memory"), path, file, text, sizeof text)) return 0;
  int64_t count = keyed(text, "oom_kill");
  return count < 0 ? 0 : count;
}

// v1: an eventfd, told by the kernel before it kills. v2: the file itself polls.
int cgroup_watch_oom(const struct cgroup_host *host, const char *path, uint32_t *events) {
  const struct cgroup_hierarchy *hierarchy = cgroup_find(host, "memory");
  char name[PATH_MAX];
  char text[64];
  if (hierarchy == NULL) return -1;
  bool v2 = host->mode == CGROUP_V2;
  snprintf(name, sizeof name, "%s/%s/%s", hierarchy->mount, path, v2 ? "memory.events" : "memory.oom_control");
  int file = open(name, O_RDONLY | O_CLOEXEC);
  *events = v2 ? EPOLLPRI : EPOLLIN;
  if (file < 0 || v2) return file;
  int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  snprintf(text, sizeof text, "%d %d", event, file);
  int result = event < 0 ? -1 : cgroup_write(hierarchy, path, "cgroup.event_control", text);
  close(file);
  if (result == 0) return event;
  if (event >= 0) close(event);
  return -1;
}

static void read_memory(const struct cgroup_host *host, const char *path, struct cgroup_stats *stats) {
  const struct cgroup_hierarchy *memory = cgroup_find(host, "memory");
  bool v2 = host->mode == CGROUP_V2;
  char text[8192];
  stats->memory_usage = read_number(memory, path, v2 ? "memory.current" : "memory.usage_in_bytes");
  if (!read_text(memory, path, "memory.stat", text, sizeof text)) return;
  int64_t inactive = keyed(text, v2 ? "inactive_file" : "total_inactive_file");
  stats->memory_working_set = inactive > stats->memory_usage ? 0 : stats->memory_usage - (inactive < 0 ? 0 : inactive);
  stats->memory_rss = keyed(text, v2 ? "anon" : "total_rss");
  stats->page_faults = keyed(text, v2 ? "pgfault" : "total_pgfault");
  stats->major_page_faults = keyed(text, v2 ? "pgmajfault" : "total_pgmajfault");
}

void cgroup_read_stats(const struct cgroup_host *host, const char *path, struct cgroup_stats *stats) {
  *stats = (struct cgroup_stats){-1, -1, -1, -1, -1, -1, -1};
  read_memory(host, path, stats);
  stats->pids = read_number(cgroup_find(host, "pids"), path, "pids.current");
  if (host->mode != CGROUP_V2) {
    stats->cpu_usage_ns = read_number(cgroup_find(host, "cpuacct"), path, "cpuacct.usage");
    return;
  }
  char text[1024];
  if (!read_text(&host->hierarchies[0], path, "cpu.stat", text, sizeof text)) return;
  int64_t microseconds = keyed(text, "usage_usec");
  stats->cpu_usage_ns = microseconds < 0 ? -1 : microseconds * 1000;
}
