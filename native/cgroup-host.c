// Which cgroup hierarchies this host has: /proc/self/mountinfo says where, names say what.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"

// Hierarchies without limits that we set are left alone: joining each costs a kernel-wide pause.
static const char *const WANTED[] = {"cpu", "cpuacct", "memory", "pids", "devices"};

const char *cgroup_mode_name(enum cgroup_mode mode) {
  static const char *const names[] = {"none", "v1", "hybrid", "v2"};
  return names[mode];
}

static bool has_word(const char *list, const char *word) {
  size_t length = strlen(word);
  for (const char *at = list; (at = strstr(at, word)) != NULL; at += length) {
    bool starts = at == list || strchr(", ", at[-1]) != NULL;
    if (starts && (at[length] == '\0' || strchr(", ", at[length]) != NULL)) return true;
  }
  return false;
}

static void add_hierarchy(struct cgroup_host *host, const char *mount, const char *controllers) {
  if (host->count == CGROUP_MAX_HIERARCHIES || strlen(mount) >= sizeof host->hierarchies[0].mount) return;
  struct cgroup_hierarchy *hierarchy = &host->hierarchies[host->count++];
  strcpy(hierarchy->mount, mount);
  snprintf(hierarchy->controllers, sizeof hierarchy->controllers, "%s", controllers);
}

static void add_v1(struct cgroup_host *host, const char *mount, const char *options) {
  char controllers[96] = "";
  for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
    if (!has_word(options, WANTED[i]) || cgroup_find(host, WANTED[i]) != NULL) continue;
    size_t used = strlen(controllers);
    snprintf(controllers + used, sizeof controllers - used, "%s%s", used == 0 ? "" : ",", WANTED[i]);
    used = strlen(host->controllers);
    snprintf(host->controllers + used, sizeof host->controllers - used, "%s%s", used == 0 ? "" : " ", WANTED[i]);
  }
  if (controllers[0] != '\0') add_hierarchy(host, mount, controllers);
}

static void read_v2_controllers(struct cgroup_host *host, const char *mount) {
  char path[300];
  snprintf(path, sizeof path, "%s/cgroup.controllers", mount);
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  char line[200];
  if (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    snprintf(host->controllers, sizeof host->controllers, "%s", line);
  }
  fclose(file);
}

// mountinfo: id parent major:minor root MOUNT options [optional…] - TYPE source SUPEROPTIONS
static void take_mount(struct cgroup_host *host, char *line, char *v2_mount, size_t size) {
  char *separator = strstr(line, " - ");
  if (separator == NULL) return;
  char type[32];
  char options[256];
  char mount[256];
  char root[256];
  if (sscanf(separator, " - %31s %*s %255s", type, options) != 2) return;
  if (sscanf(line, "%*d %*d %*s %255s %255s", root, mount) != 2) return;
  if (strcmp(type, "cgroup") == 0) add_v1(host, mount, options);
  if (strcmp(type, "cgroup2") == 0 && *v2_mount == '\0') snprintf(v2_mount, size, "%s", mount);
}

void cgroup_detect(struct cgroup_host *host) {
  *host = (struct cgroup_host){0};
  char v2_mount[256] = "";
  FILE *file = fopen("/proc/self/mountinfo", "re");
  if (file == NULL) return;
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, file) > 0) take_mount(host, line, v2_mount, sizeof v2_mount);
  free(line);
  fclose(file);
  if (host->count > 0) {
    host->mode = *v2_mount == '\0' ? CGROUP_V1 : CGROUP_HYBRID;
  } else if (*v2_mount != '\0') {
    host->mode = CGROUP_V2;
    add_hierarchy(host, v2_mount, "");
    read_v2_controllers(host, v2_mount);
  }
}

const struct cgroup_hierarchy *cgroup_find(const struct cgroup_host *host, const char *controller) {
  if (host->mode == CGROUP_V2) return has_word(host->controllers, controller) ? &host->hierarchies[0] : NULL;
  for (int i = 0; i < host->count; i++) {
    if (has_word(host->hierarchies[i].controllers, controller)) return &host->hierarchies[i];
  }
  return NULL;
}
