// Which devices a container may open or make: the v1 devices controller, or on v2 a BPF program that says the same.
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "syscalls.h"

enum { MAX_INSTRUCTIONS = 4096 };

// null zero full random urandom tty console ptmx pts
static const struct device_rule DEFAULTS[] = {
    {'c', 1, 3, false}, {'c', 1, 5, false}, {'c', 1, 7, false}, {'c', 1, 8, false},   {'c', 1, 9, false},
    {'c', 5, 0, false}, {'c', 5, 1, false}, {'c', 5, 2, false}, {'c', 136, -1, false},
};
enum { DEFAULT_COUNT = sizeof DEFAULTS / sizeof *DEFAULTS };

static int allow_v1(const struct cgroup_hierarchy *hierarchy, const char *path, const struct device_rule *rule) {
  const char *access = rule->read_only ? "r" : "rwm";
  char text[64];
  if (rule->minor < 0) snprintf(text, sizeof text, "%c %d:* %s", rule->type, rule->major, access);
  else snprintf(text, sizeof text, "%c %d:%d %s", rule->type, rule->major, rule->minor, access);
  return cgroup_write(hierarchy, path, "devices.allow", text);
}

static int limit_v1(const struct cgroup_host *host, const char *path, const struct device_rule *extra, int count) {
  const struct cgroup_hierarchy *hierarchy = cgroup_find(host, "devices");
  if (hierarchy == NULL || cgroup_write(hierarchy, path, "devices.deny", "a") < 0) return -1;
  // Any node may be made (as runc allows), but not opened.
  if (cgroup_write(hierarchy, path, "devices.allow", "c *:* m") < 0) return -1;
  if (cgroup_write(hierarchy, path, "devices.allow", "b *:* m") < 0) return -1;
  for (int i = 0; i < DEFAULT_COUNT; i++) {
    if (allow_v1(hierarchy, path, &DEFAULTS[i]) < 0) return -1;
  }
  for (int i = 0; i < count; i++) {
    if (allow_v1(hierarchy, path, &extra[i]) < 0) return -1;
  }
  return 0;
}

struct program {
  struct bpf_insn instructions[MAX_INSTRUCTIONS];
  int count;
};

static void emit(struct program *program, struct bpf_insn instruction) {
  if (program->count < MAX_INSTRUCTIONS) program->instructions[program->count++] = instruction;
}

static void emit_load(struct program *program, int to, int offset) {
  emit(program, (struct bpf_insn){BPF_LDX | BPF_MEM | BPF_W, (unsigned char)to & 15, BPF_REG_1, (short)offset, 0});
}

static void emit_return(struct program *program, int value) {
  emit(program, (struct bpf_insn){BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value});
  emit(program, (struct bpf_insn){BPF_JMP | BPF_EXIT, 0, 0, 0, 0});
}

// Whoever does not meet a condition jumps behind the rule.
static void emit_condition(struct program *program, int end, struct bpf_insn condition) {
  condition.off = (short)(end - program->count - 1);
  emit(program, condition);
}

// r2 = type, r3 = access, r4 = major, r5 = minor.
static void emit_rule(struct program *program, const struct device_rule *rule) {
  enum { RETURN = 2 };
  int end = program->count + 2 + (rule->minor >= 0) + rule->read_only + RETURN;
  int type = rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
  emit_condition(program, end, (struct bpf_insn){BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, type});
  emit_condition(program, end, (struct bpf_insn){BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, rule->major});
  if (rule->minor >= 0)
    emit_condition(program, end, (struct bpf_insn){BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, rule->minor});
  if (rule->read_only)
    emit_condition(program, end, (struct bpf_insn){BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, 0, 0, BPF_DEVCG_ACC_WRITE});
  emit_return(program, 1);
}

static void build_program(struct program *program, const struct device_rule *extra, int count) {
  emit_load(program, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
  emit(program, (struct bpf_insn){BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0});
  emit(program, (struct bpf_insn){BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff});
  emit(program, (struct bpf_insn){BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16});
  emit_load(program, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
  emit_load(program, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
  // Only mknod: allowed.
  emit(program, (struct bpf_insn){BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, BPF_DEVCG_ACC_MKNOD});
  emit_return(program, 1);
  for (int i = 0; i < DEFAULT_COUNT; i++) emit_rule(program, &DEFAULTS[i]);
  for (int i = 0; i < count; i++) emit_rule(program, &extra[i]);
  emit_return(program, 0);
}

static int bpf(int command, union bpf_attr *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int limit_v2(const struct cgroup_host *host, const char *path, const struct device_rule *extra, int count) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s/%s", host->hierarchies[0].mount, path);
  int group = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group < 0) return -1;
  struct program *program = allocate(1, sizeof *program);
  build_program(program, extra, count);
  union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = (unsigned)program->count};
  load.insns = (uintptr_t)program->instructions;
  load.license = (uintptr_t)"Apache-2.0";
  int fd = bpf(BPF_PROG_LOAD, &load);
  free(program);
  int result = -1;
  if (fd >= 0) {
    union bpf_attr attach = {
        .target_fd = (unsigned)group, .attach_bpf_fd = (unsigned)fd, .attach_type = BPF_CGROUP_DEVICE};
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    result = bpf(BPF_PROG_ATTACH, &attach);
    close(fd);
  }
  close(group);
  return result;
}

int cgroup_limit_devices(const struct cgroup_host *host, const char *path, const struct device_rule *extra, int count) {
  return host->mode == CGROUP_V2 ? limit_v2(host, path, extra, count) : limit_v1(host, path, extra, count);
}
