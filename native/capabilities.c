// Capability sets. The default is containerd's (oci/spec.go, defaultUnixCaps).
#include "capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "syscalls.h"

#define BIT(capability) (UINT64_C(1) << (capability))

static const char *const NAMES[] = {
    [CAP_CHOWN] = "CHOWN",
    [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
    [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
    [CAP_FOWNER] = "FOWNER",
    [CAP_FSETID] = "FSETID",
    [CAP_KILL] = "KILL",
    [CAP_SETGID] = "SETGID",
    [CAP_SETUID] = "SETUID",
    [CAP_SETPCAP] = "SETPCAP",
    [CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
    [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
    [CAP_NET_BROADCAST] = "NET_BROADCAST",
    [CAP_NET_ADMIN] = "NET_ADMIN",
    [CAP_NET_RAW] = "NET_RAW",
    [CAP_IPC_LOCK] = "IPC_LOCK",
    [CAP_IPC_OWNER] = "IPC_OWNER",
    [CAP_SYS_MODULE] = "SYS_MODULE",
    [CAP_SYS_RAWIO] = "SYS_RAWIO",
    [CAP_SYS_CHROOT] = "SYS_CHROOT",
    [CAP_SYS_PTRACE] = "SYS_PTRACE",
    [CAP_SYS_PACCT] = "SYS_PACCT",
    [CAP_SYS_ADMIN] = "SYS_ADMIN",
    [CAP_SYS_BOOT] = "SYS_BOOT",
    [CAP_SYS_NICE] = "SYS_NICE",
    [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
    [CAP_SYS_TIME] = "SYS_TIME",
    [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
    [CAP_MKNOD] = "MKNOD",
    [CAP_LEASE] = "LEASE",
    [CAP_AUDIT_WRITE] = "AUDIT_WRITE",
    [CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
    [CAP_SETFCAP] = "SETFCAP",
    [CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
    [CAP_MAC_ADMIN] = "MAC_ADMIN",
    [CAP_SYSLOG] = "SYSLOG",
    [CAP_WAKE_ALARM] = "WAKE_ALARM",
    [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
    [CAP_AUDIT_READ] = "AUDIT_READ",
    [CAP_PERFMON] = "PERFMON",
    [CAP_BPF] = "BPF",
    [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};
enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES };

uint64_t capability_default(void) {
  return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) | BIT(CAP_MKNOD) |
         BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) |
         BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);
}

bool capability_in(uint64_t set, int capability) { return (set & BIT(capability)) != 0; }

uint64_t capability_available(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0}};
  if (syscall(SYS_capget, &header, data) < 0) return 0;
  uint64_t set = (uint64_t)data[1].permitted << 32 | data[0].permitted;
  for (int capability = 0; capability < 64; capability++) {
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) set &= ~BIT(capability);
  }
  return set;
}

static int capability_by_name(const char *name) {
  if (strncasecmp(name, "CAP_", 4) == 0) name += 4;
  for (int i = 0; i < NAME_COUNT; i++) {
    if (NAMES[i] != NULL && strcasecmp(name, NAMES[i]) == 0) return i;
  }
  return -1;
}

static int read_set(const struct json *object, const char *key, uint64_t *set, struct failure *failure) {
  if (json_member(object, key) == NULL) return 0;
  struct strings names = {0};
  int result = json_read_strings(object, key, &names, failure);
  *set = 0;
  for (size_t i = 0; result == 0 && i < names.count; i++) {
    int capability = capability_by_name(names.items[i]);
    if (strcasecmp(names.items[i], "ALL") == 0) *set = BIT(NAME_COUNT) - 1;
    else if (capability < 0) result = fail(failure, "InvalidRequest", "unknown capability \"%s\"", names.items[i]);
    else *set |= BIT(capability);
  }
  strings_free(&names);
  return result;
}

int capabilities_read(const struct json *object, uint64_t fallback, struct capabilities *result,
                      struct failure *failure) {
  *result = (struct capabilities){.bounding = fallback, .permitted = fallback, .effective = fallback};
  if (read_set(object, "bounding", &result->bounding, failure) < 0) return -1;
  if (read_set(object, "permitted", &result->permitted, failure) < 0) return -1;
  if (read_set(object, "effective", &result->effective, failure) < 0) return -1;
  if (read_set(object, "inheritable", &result->inheritable, failure) < 0) return -1;
  return read_set(object, "ambient", &result->ambient, failure);
}

bool capabilities_restrict(struct capabilities *sets, uint64_t available) {
  uint64_t asked = sets->bounding | sets->permitted | sets->effective | sets->inheritable | sets->ambient;
  sets->bounding &= available;
  sets->permitted &= available;
  sets->effective &= sets->permitted;
  sets->inheritable &= available;
  sets->ambient &= sets->permitted & sets->inheritable;
  return (asked & ~available) != 0;
}

int capabilities_drop_bounding(uint64_t bounding) {
  for (int capability = 0; capability < 64; capability++) {
    if (capability_in(bounding, capability)) continue;
    // The first number that the kernel does not know ends the list.
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return errno == EINVAL ? 0 : -1;
  }
  return 0;
}

int capabilities_apply(const struct capabilities *sets) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)sets->effective, (uint32_t)sets->permitted, (uint32_t)sets->inheritable},
      {(uint32_t)(sets->effective >> 32), (uint32_t)(sets->permitted >> 32), (uint32_t)(sets->inheritable >> 32)},
  };
  if (syscall(SYS_capset, &header, data) < 0) return -1;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
  for (int capability = 0; capability < 64; capability++) {
    if (!capability_in(sets->ambient, capability)) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return -1;
  }
  return 0;
}
