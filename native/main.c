// nocher-native: runs the pods of a node. README.md is the contract.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "check.h"
#include "connection.h"
#include "monitor.h"
#include "netlink.h"
#include "pause.h"
#include "spawner.h"
#include "syscalls.h"

struct options {
  const char *socket;
  const char *config;
  const char *name;
  const char *mtu;
  const char *addresses[2];
  int address_count;
  bool sealed;
};

static int usage(void) {
  fputs(
      "usage: nocher-native check | version\n"
      "       nocher-native monitor --socket PATH --config FILE\n"
      "       nocher-native cleanup --config FILE [--socket PATH]\n"
      "       nocher-native bridge ensure --name NAME --address ADDRESS/LENGTH [--mtu N]\n"
      "       nocher-native bridge delete --name NAME\n"
      "       nocher-native spawner\n",
      stderr);
  return EX_USAGE;
}

static int parse(char *const arguments[], struct options *options) {
  for (; *arguments != NULL; arguments++) {
    const char *name = *arguments;
    if (strcmp(name, "--sealed") == 0) {
      options->sealed = true;
      continue;
    }
    const char *value = *++arguments;
    if (value == NULL) return -1;
    if (strcmp(name, "--socket") == 0) options->socket = value;
    else if (strcmp(name, "--config") == 0) options->config = value;
    else if (strcmp(name, "--name") == 0) options->name = value;
    else if (strcmp(name, "--mtu") == 0) options->mtu = value;
    else if (strcmp(name, "--address") == 0 && options->address_count < 2)
      options->addresses[options->address_count++] = value;
    else return -1;
  }
  return 0;
}

static int print(struct buffer *out) {
  bool written = fwrite(out->data, 1, out->length, stdout) == out->length && fflush(stdout) == 0;
  buffer_free(out);
  return written ? 0 : 1;
}

static int print_failure(const struct failure *failure) {
  struct buffer out = {0};
  json_open(&out, '{');
  json_put_integer(&out, "version", 1);
  json_put_boolean(&out, "ok", false);
  json_put_failure(&out, failure);
  buffer_text(&out, "}\n");
  print(&out);
  return 1;
}

static struct json *read_config(const char *path, struct failure *failure) {
  int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC);
  struct buffer text = {0};
  ssize_t length = fd < 0 ? -1 : 0;
  while (fd >= 0 && text.length < 8 << 20 && (length = read(fd, buffer_reserve(&text, 65536), 65536)) > 0)
    text.length += (size_t)length;
  struct json *document = NULL;
  if (length < 0) fail_errno(failure, "read config %s", path);
  else document = json_parse(text.data, text.length, failure);
  if (fd > 0) close(fd);
  buffer_free(&text);
  return document;
}

// Executes this program anew from a read-only mount of its own file: a container that gets hold of it through
// /proc/PID/exe cannot write to it. Where that fails the program goes on as it is.
static void seal(char *const arguments[]) {
  char *copy[32];
#ifdef __SANITIZE_ADDRESS__
  char **environment = environ;  // the sanitizers' options
#else
  static char *const environment[] = {NULL};
#endif
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  size_t count = 0;
  static char flag[] = "--sealed";
  while (arguments[count] != NULL && count < 30) {
    copy[count] = arguments[count];
    count++;
  }
  copy[count++] = flag;
  copy[count] = NULL;
  int tree = sys_open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return;
  if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &read_only) == 0)
    sys_execveat(tree, "", copy, environment, AT_EMPTY_PATH);
  close(tree);
}

static int run_monitor(char *const arguments[], const struct options *options) {
  struct failure failure = {0};
  if (options->socket == NULL || options->config == NULL) return usage();
  if (!options->sealed) seal(arguments);
  sys_close_range(3, ~0u, 0);
  struct monitor_options monitor = {.socket = options->socket};
  monitor.config = read_config(options->config, &failure);
  if (monitor.config == NULL) return print_failure(&failure);
  monitor.executable = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  return monitor_main(&monitor);
}

static int run_cleanup(const struct options *options) {
  struct failure failure = {0};
  struct monitor *monitor = allocate(1, sizeof *monitor);
  struct buffer out = {0};
  if (options->config == NULL) return usage();
  struct json *document = read_config(options->config, &failure);
  if (document == NULL || sandbox_config_read(document, &monitor->config, &failure) < 0) return print_failure(&failure);
  if (options->socket != NULL && control_is_live(options->socket)) {
    fail(&failure, "AlreadyExists", "a monitor serves %s: shut it down instead", options->socket);
    return print_failure(&failure);
  }
  cgroup_detect(&monitor->cgroups);
  monitor->sandbox.pidfd = -1;
  monitor->sandbox.host_index = monitor->config.network.wanted ? 1 : 0;
  sandbox_destroy(monitor);
  struct stat status;
  if (options->socket != NULL && lstat(options->socket, &status) == 0 && S_ISSOCK(status.st_mode))
    unlink(options->socket);
  buffer_text(&out, "{\"version\":1,\"ok\":true}\n");
  return print(&out);
}

static int read_bridge(const struct options *options, struct bridge_config *bridge, struct failure *failure) {
  bridge->name = options->name;
  bridge->mtu = options->mtu == NULL ? 0 : atoi(options->mtu);
  for (int i = 0; i < options->address_count; i++) {
    if (ip_address_parse(options->addresses[i], &bridge->addresses[i]) < 0) {
      return fail(failure, "InvalidRequest", "address \"%s\" is not one", options->addresses[i]);
    }
    bridge->address_count++;
  }
  return 0;
}

static int run_bridge(const char *verb, const struct options *options) {
  struct failure failure = {0};
  struct bridge_config bridge = {0};
  struct buffer out = {0};
  if (options->name == NULL || !interface_name_valid(options->name)) return usage();
  if (read_bridge(options, &bridge, &failure) < 0) return print_failure(&failure);
  int netlink = netlink_open();
  int index = 0;
  if (strcmp(verb, "ensure") == 0) index = bridge_ensure(netlink, &bridge, &failure);
  else if (strcmp(verb, "delete") == 0) network_delete(netlink, bridge.name);
  else return usage();
  close(netlink);
  if (index < 0) return print_failure(&failure);
  json_open(&out, '{');
  json_put_integer(&out, "version", 1);
  json_put_boolean(&out, "ok", true);
  if (index > 0) json_put_integer(&out, "ifIndex", index);
  buffer_text(&out, "}\n");
  return print(&out);
}

static int run_spawner(char *const arguments[], const struct options *options) {
  if (!options->sealed) seal(arguments);
  return spawner_main();
}

int main(int count, char *arguments[]) {
  struct options options = {0};
  struct buffer out = {0};
  if (count >= 1 && strcmp(arguments[0], "/pause") == 0) pause_main();
  if (count < 2) return usage();
  const char *command = arguments[1];
  bool is_bridge = strcmp(command, "bridge") == 0;
  if (is_bridge && count < 3) return usage();
  if (parse(arguments + (is_bridge ? 3 : 2), &options) < 0) return usage();
  if (strcmp(command, "monitor") == 0) return run_monitor(arguments, &options);
  if (strcmp(command, "cleanup") == 0) return run_cleanup(&options);
  if (strcmp(command, "spawner") == 0) return run_spawner(arguments, &options);
  if (is_bridge) return run_bridge(arguments[2], &options);
  if (strcmp(command, "check") == 0) check_write(&out);
  else if (strcmp(command, "version") == 0) buffer_text(&out, "{\"version\":1,\"program\":\"nocher-native\"}\n");
  else return usage();
  return print(&out);
}
