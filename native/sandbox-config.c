// Reading and checking the sandbox's config.
#include <ctype.h>
#include <string.h>

#include "monitor.h"

bool identifier_valid(const char *text) {
  size_t length = strlen(text);
  if (length == 0 || length > 128 || !isalnum((unsigned char)text[0])) return false;
  return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == length;
}

static int read_choice(const struct json *object, const char *key, const char *const choices[], int *result,
                       struct failure *failure) {
  const char *text = NULL;
  if (json_read_string(object, key, &text, failure) < 0) return -1;
  if (text == NULL) return 0;
  for (int i = 0; choices[i] != NULL; i++) {
    if (strcmp(text, choices[i]) != 0) continue;
    *result = i;
    return 0;
  }
  return fail(failure, "InvalidRequest", "field \"%s\" holds \"%s\"", key, text);
}

static int read_namespaces(const struct json *object, struct sandbox_config *config, struct failure *failure) {
  static const char *const two[] = {"node", "pod", NULL};
  static const char *const three[] = {"container", "pod", "node", NULL};
  int network = 1;
  int ipc = 1;
  int pid = PID_CONTAINER;
  if (read_choice(object, "network", two, &network, failure) < 0) return -1;
  int uts = network;
  if (read_choice(object, "ipc", two, &ipc, failure) < 0 || read_choice(object, "uts", two, &uts, failure) < 0)
    return -1;
  if (read_choice(object, "pid", three, &pid, failure) < 0) return -1;
  config->own_network = network == 1;
  config->own_ipc = ipc == 1;
  config->own_uts = uts == 1;
  config->pid_mode = (enum pid_mode)pid;
  return 0;
}

static bool sysctl_allowed(const char *name, const struct sandbox_config *config) {
  static const char *const of_ipc[] = {"kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.", NULL};
  if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/") != strlen(name)) return false;
  if (strstr(name, "..") != NULL || strstr(name, "./") != NULL || strstr(name, "/.") != NULL || strlen(name) > 200)
    return false;
  if (strncmp(name, "net.", 4) == 0 || strncmp(name, "net/", 4) == 0) return config->own_network;
  for (int i = 0; of_ipc[i] != NULL; i++) {
    if (strncmp(name, of_ipc[i], strlen(of_ipc[i])) == 0) return config->own_ipc;
  }
  return false;
}

static int read_sysctls(const struct json *document, struct sandbox_config *config, struct failure *failure) {
  config->sysctls = json_member(document, "sysctls");
  for (const struct json *item = config->sysctls == NULL ? NULL : config->sysctls->child; item != NULL;
       item = item->next) {
    if (item->key == NULL || item->type != JSON_STRING || !sysctl_allowed(item->key, config)) {
      return fail(failure, "InvalidRequest", "sysctl \"%s\" is not allowed", item->key == NULL ? "" : item->key);
    }
  }
  return 0;
}

static int read_cgroup(const struct json *object, struct sandbox_config *config, struct failure *failure) {
  config->cgroup_monitor = "";
  if (json_require_string(object, "parent", &config->cgroup_parent, failure) < 0) return -1;
  if (json_read_string(object, "monitor", &config->cgroup_monitor, failure) < 0) return -1;
  bool valid = cgroup_path_valid(config->cgroup_parent) &&
               (*config->cgroup_monitor == '\0' || cgroup_path_valid(config->cgroup_monitor));
  if (!valid) return fail(failure, "InvalidRequest", "field \"cgroup\" holds a wrong path");
  return resources_read(json_member(object, "resources"), &config->resources, failure);
}

int sandbox_config_read(struct json *document, struct sandbox_config *config, struct failure *failure) {
  *config = (struct sandbox_config){
      .document = document, .metadata = "", .hostname = "", .domainname = "", .shm_size = 64 << 20};
  int64_t version = 0;
  if (json_read_integer(document, "version", &version, failure) < 0) return -1;
  if (version != 1)
    return fail(failure, "UnsupportedVersion", "config version %lld is not supported", (long long)version);
  if (json_require_string(document, "id", &config->id, failure) < 0) return -1;
  if (!identifier_valid(config->id)) return fail(failure, "InvalidRequest", "field \"id\" is not an identifier");
  if (json_read_string(document, "metadata", &config->metadata, failure) < 0) return -1;
  if (json_read_string(document, "hostname", &config->hostname, failure) < 0) return -1;
  if (json_read_string(document, "domainname", &config->domainname, failure) < 0) return -1;
  if (strlen(config->metadata) > 65536) return fail(failure, "InvalidRequest", "field \"metadata\" is too long");
  if (strlen(config->hostname) > 64 || strlen(config->domainname) > 64)
    return fail(failure, "InvalidRequest", "hostname is too long");
  if (read_namespaces(json_member(document, "namespaces"), config, failure) < 0) return -1;
  if (network_read(json_member(document, "network"), &config->network, failure) < 0) return -1;
  config->network.wanted = config->network.wanted && config->own_network;
  if (read_sysctls(document, config, failure) < 0) return -1;
  if (json_read_integer(document, "shmSizeBytes", &config->shm_size, failure) < 0) return -1;
  if (json_read_integer(document, "oomScoreAdj", &config->oom_score, failure) < 0) return -1;
  return read_cgroup(json_member(document, "cgroup"), config, failure);
}
