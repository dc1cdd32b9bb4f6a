// A pod's sandbox: cgroup, pause with the shared namespaces, network, sysctls.
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "monitor.h"
#include "netlink.h"
#include "pause.h"
#include "syscalls.h"

enum { PAUSE_TIMEOUT_MS = 20000 };

static char *sandbox_cgroup(const struct monitor *monitor) {
  return format_string("%s/sandbox", monitor->config.cgroup_parent);
}

static int create_cgroups(struct monitor *monitor, struct failure *failure) {
  const struct sandbox_config *config = &monitor->config;
  char *own = sandbox_cgroup(monitor);
  int result = cgroup_create(&monitor->cgroups, config->cgroup_parent, failure);
  if (result == 0)
    result =
        cgroup_limit(&monitor->cgroups, config->cgroup_parent, &config->resources, &monitor->sandbox.warnings, failure);
  if (result == 0) result = cgroup_create(&monitor->cgroups, own, failure);
  free(own);
  return result;
}

static void move_monitor(struct monitor *monitor) {
  struct failure ignored = {0};
  const char *path = monitor->config.cgroup_monitor;
  if (*path == '\0') return;
  if (cgroup_create(&monitor->cgroups, path, &ignored) == 0 && cgroup_enter(&monitor->cgroups, path) == 0) return;
  strings_add(&monitor->sandbox.warnings, "the monitor could not be moved to its cgroup");
}

static void fill_plan(const struct monitor *monitor, struct pause_plan *plan) {
  const struct sandbox_config *config = &monitor->config;
  *plan = (struct pause_plan){.hostname = "", .domainname = "", .executable = monitor->executable};
  if (config->own_uts) {
    plan->hostname = config->hostname;
    plan->domainname = config->domainname;
  }
  snprintf(plan->shm_size, sizeof plan->shm_size, "%lld",
           (long long)(config->shm_size > 0 ? config->shm_size : 64 << 20));
  if (config->oom_score != 0) snprintf(plan->oom_score, sizeof plan->oom_score, "%lld", (long long)config->oom_score);
  char *cgroup = sandbox_cgroup(monitor);
  cgroup_entry_open(&monitor->cgroups, cgroup, &plan->cgroup);
  free(cgroup);
}

static int start_pause(struct monitor *monitor, int *report, struct failure *failure) {
  const struct sandbox_config *config = &monitor->config;
  struct pause_plan plan;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return fail_errno(failure, "create socket pair");
  fill_plan(monitor, &plan);
  plan.report = ends[1];
  uint64_t flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD;
  if (config->own_network) flags |= CLONE_NEWNET;
  if (config->own_ipc) flags |= CLONE_NEWIPC;
  if (config->own_uts) flags |= CLONE_NEWUTS;
  struct clone_args arguments = {.flags = flags, .pidfd = (uintptr_t)&monitor->sandbox.pidfd, .exit_signal = SIGCHLD};
  if (plan.cgroup.directory >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (unsigned)plan.cgroup.directory;
  }
  int pid = sys_clone3(&arguments);
  if (pid == 0) pause_child(&plan);
  int result = pid < 0 ? fail_errno(failure, "create the pod's namespaces") : 0;
  cgroup_entry_close(&plan.cgroup);
  close(ends[1]);
  *report = ends[0];
  monitor->sandbox.pid = pid;
  return result;
}

static int write_sysctl(const char *key, const char *value, struct failure *failure) {
  char path[300];
  snprintf(path, sizeof path, "/proc/sys/%s", key);
  // "net.ipv4.conf.eth0.x": dots separate. A name with slashes is taken as it stands.
  if (strchr(key, '/') == NULL) {
    for (char *at = path + strlen("/proc/sys/"); *at != '\0'; at++) {
      if (*at == '.') *at = '/';
    }
  }
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t written = fd < 0 ? -1 : write(fd, value, strlen(value));
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return written < 0 ? fail_errno(failure, "set sysctl %s", key) : 0;
}

// Runs within the pod's network and IPC namespaces.
static int configure_inside(struct monitor *monitor, int host, struct failure *failure) {
  const struct sandbox_config *config = &monitor->config;
  int result = 0;
  if (config->own_network) {
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int pod = netlink_open();
    if (own < 0 || pod < 0) result = fail_errno(failure, "open netlink in the pod");
    else result = network_create(&config->network, host, pod, own, failure);
    if (result > 0) monitor->sandbox.host_index = result;
    if (own >= 0) close(own);
    if (pod >= 0) close(pod);
  }
  for (const struct json *item = config->sysctls == NULL ? NULL : config->sysctls->child; item != NULL && result >= 0;
       item = item->next) {
    result = write_sysctl(item->key, item->string, failure);
  }
  return result < 0 ? -1 : 0;
}

static int configure(struct monitor *monitor, struct failure *failure) {
  const struct sandbox_config *config = &monitor->config;
  int kinds = (config->own_network ? CLONE_NEWNET : 0) | (config->own_ipc ? CLONE_NEWIPC : 0);
  if (kinds == 0) return 0;
  int host = netlink_open();
  int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int ipc = open("/proc/self/ns/ipc", O_RDONLY | O_CLOEXEC);
  int result = -1;
  if (host < 0 || network < 0 || ipc < 0 || setns(monitor->sandbox.pidfd, kinds) < 0) {
    fail_errno(failure, "enter the pod's namespaces");
  } else {
    result = configure_inside(monitor, host, failure);
    // Own namespaces: cannot fail.
    setns(network, CLONE_NEWNET);
    setns(ipc, CLONE_NEWIPC);
  }
  if (host >= 0) close(host);
  if (network >= 0) close(network);
  if (ipc >= 0) close(ipc);
  return result;
}

static int wait_for_pause(struct monitor *monitor, int report, struct failure *failure) {
  struct report message;
  bool ready = false;
  for (;;) {
    struct pollfd poller = {.fd = report, .events = POLLIN};
    if (poll(&poller, 1, PAUSE_TIMEOUT_MS) <= 0) return fail(failure, "Failed", "pause did not start in time");
    ssize_t length = recv(report, &message, sizeof message, 0);
    if (length <= 0) return ready ? 0 : fail(failure, "Failed", "pause died while it was starting");
    message.text[sizeof message.text - 1] = '\0';
    errno = message.error;
    if (message.kind == REPORT_ERROR) return fail_errno(failure, "pause: %s", message.text);
    if (message.kind == REPORT_WARNING) {
      strings_take(&monitor->sandbox.warnings, format_string("%s: %s", message.text, strerror(message.error)));
    }
    ready = ready || message.kind == REPORT_READY;
  }
}

int sandbox_create(struct monitor *monitor, struct failure *failure) {
  int report = -1;
  cgroup_detect(&monitor->cgroups);
  monitor->sandbox.pidfd = -1;
  int result = create_cgroups(monitor, failure);
  if (result == 0) result = start_pause(monitor, &report, failure);
  if (result == 0) result = configure(monitor, failure);
  if (result == 0) result = wait_for_pause(monitor, report, failure);
  if (report >= 0) close(report);
  monitor->sandbox.started_at = wall_clock();
  monitor->sandbox.ready = result == 0;
  if (result == 0) move_monitor(monitor);
  else sandbox_destroy(monitor);
  return result;
}

static void remove_cgroups(struct monitor *monitor) {
  // The kernel takes a moment between a process's end and its leaving the cgroup.
  for (int attempt = 0; attempt < 1000; attempt++) {
    cgroup_kill(&monitor->cgroups, monitor->config.cgroup_parent);
    if (cgroup_remove(&monitor->cgroups, monitor->config.cgroup_parent) == 0) return;
    usleep(5000);
  }
}

void sandbox_destroy(struct monitor *monitor) {
  if (monitor->sandbox.pidfd >= 0) {
    sys_pidfd_send_signal(monitor->sandbox.pidfd, SIGKILL);
    waitpid(monitor->sandbox.pid, NULL, 0);
    close(monitor->sandbox.pidfd);
    monitor->sandbox.pidfd = -1;
  }
  monitor->sandbox.ready = false;
  if (monitor->sandbox.host_index > 0) {
    int netlink = netlink_open();
    // At once: the namespace's own end would take it away only some time later.
    network_delete(netlink, monitor->config.network.host_interface);
    if (netlink >= 0) close(netlink);
  }
  remove_cgroups(monitor);
  strings_free(&monitor->sandbox.warnings);
}

int sandbox_socket(const struct monitor *monitor, int family, int type) {
  if (!monitor->config.own_network) return socket(family, type | SOCK_CLOEXEC, 0);
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0) return -1;
  int fd = -1;
  if (setns(monitor->sandbox.pidfd, CLONE_NEWNET) == 0) fd = socket(family, type | SOCK_CLOEXEC, 0);
  int error = errno;
  setns(own, CLONE_NEWNET);
  close(own);
  errno = error;
  return fd;
}

void sandbox_write_network(const struct monitor *monitor, struct buffer *out) {
  const struct network_config *network = &monitor->config.network;
  char mac[18];
  json_key(out, "network");
  if (!network->wanted) {
    json_null(out);
    return;
  }
  mac_format(network->mac, mac);
  json_open(out, '{');
  json_put_string(out, "hostInterface", network->host_interface);
  json_put_integer(out, "hostIfIndex", monitor->sandbox.host_index);
  json_put_string(out, "interface", network->interface);
  json_put_string(out, "mac", mac);
  json_close(out, '}');
}
