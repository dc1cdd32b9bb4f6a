// System call filters: a sorted list of ranges becomes a binary search in BPF, so that the kernel's walk stays short.
#include "seccomp.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capabilities.h"
#include "seccomp-rules.h"
#include "syscalls.h"

#ifdef __x86_64__
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call table for this architecture"
#endif
#define REFUSE_WITH(error) (SECCOMP_RET_ERRNO | ((error) & SECCOMP_RET_DATA))

enum {
  NEW_NAMESPACES = 0x7e020000,  // every CLONE_NEW* flag
  X32_BIT = 0x40000000,
};

static void emit(struct seccomp_filter *filter, struct sock_filter instruction) {
  if (filter->count < BPF_MAXINSNS) filter->instructions[filter->count++] = instruction;
}

static void emit_load(struct seccomp_filter *filter, size_t offset) {
  emit(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void emit_return(struct seccomp_filter *filter, uint32_t action) {
  emit(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

// One comparison of a 32-bit word with `value`; when it is false, control leaves for an instruction not yet known.
static void emit_condition(struct seccomp_filter *filter, const struct condition *condition) {
  size_t low = offsetof(struct seccomp_data, args) + 8 * (size_t)condition->argument;
  emit_load(filter, low + 4 * (size_t)condition->high_word);
  if (condition->mask != 0xffffffff)
    emit(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, condition->mask));
  emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | condition->test | BPF_K, condition->value, 0, 0));
}

// All of a rule's conditions must hold, else the walk goes on behind its return.
static void emit_rule(struct seccomp_filter *filter, const struct rule *rule) {
  unsigned short jumps[RULE_CONDITIONS];
  for (int i = 0; i < rule->count; i++) {
    emit_condition(filter, &rule->conditions[i]);
    jumps[i] = (unsigned short)(filter->count - 1);
  }
  emit_return(filter, rule->action);
  for (int i = 0; i < rule->count; i++) {
    unsigned char distance = (unsigned char)(filter->count - jumps[i] - 1);
    if (rule->conditions[i].negate) filter->instructions[jumps[i]].jt = distance;
    else filter->instructions[jumps[i]].jf = distance;
  }
}

static void emit_leaf(struct seccomp_filter *filter, const struct range *range) {
  for (const struct rule *rule = range->rules; rule != NULL; rule = rule->next) emit_rule(filter, rule);
  emit_return(filter, range->action);
}

// Binary search over ranges[0..count): numbers below the middle one's first go left (directly behind), others right.
static void emit_search(struct seccomp_filter *filter, const struct range *ranges, int count) {
  if (count == 1) {
    emit_leaf(filter, ranges);
    return;
  }
  int middle = count / 2;
  emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)ranges[middle].first, 0, 1));
  unsigned short jump = filter->count;
  emit(filter, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
  emit_search(filter, ranges, middle);
  if (jump < filter->count) filter->instructions[jump].k = (unsigned)(filter->count - jump - 1);
  emit_search(filter, ranges + middle, count - middle);
}

static void assemble(struct seccomp_filter *filter, const struct range_list *list, bool unknown_is_enosys) {
  filter->instructions = allocate(BPF_MAXINSNS, sizeof *filter->instructions);
  emit_load(filter, offsetof(struct seccomp_data, arch));
  emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
  emit_return(filter, REFUSE_WITH(EPERM));
  emit_load(filter, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
  emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
  emit_return(filter, REFUSE_WITH(EPERM));
#endif
  if (unknown_is_enosys) {
    // A C library that tries a call younger than this table must see "no such call" and fall back.
    emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)list->limit, 0, 1));
    emit_return(filter, REFUSE_WITH(ENOSYS));
  }
  emit_search(filter, list->ranges, list->count);
}

static void allow_when_equal(struct rule_set *set, int number, uint32_t value) {
  struct condition condition = {.argument = 0, .mask = 0xffffffff, .test = BPF_JEQ, .value = value};
  rule_set_add(set, number, SECCOMP_RET_ALLOW, &condition, 1);
}

static void add_special_rules(struct rule_set *set, bool may_administer) {
  static const uint32_t personalities[] = {0, 0x0008, 0x20000, 0x20008, 0xffffffff};
  for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++) {
    allow_when_equal(set, __NR_personality, personalities[i]);
  }
  struct condition not_vsock = {.argument = 0, .mask = 0xffffffff, .test = BPF_JEQ, .value = AF_VSOCK, .negate = true};
  rule_set_add(set, __NR_socket, SECCOMP_RET_ALLOW, &not_vsock, 1);
  if (may_administer) {
    rule_set_add(set, __NR_clone, SECCOMP_RET_ALLOW, NULL, 0);
    rule_set_add(set, __NR_clone3, SECCOMP_RET_ALLOW, NULL, 0);
    return;
  }
  struct condition no_namespaces = {.argument = 0, .mask = NEW_NAMESPACES, .test = BPF_JEQ, .value = 0};
  rule_set_add(set, __NR_clone, SECCOMP_RET_ALLOW, &no_namespaces, 1);
  // Its flags are behind a pointer: C libraries fall back to clone.
  rule_set_add(set, __NR_clone3, REFUSE_WITH(ENOSYS), NULL, 0);
}

static void build_default(struct seccomp_filter *filter, uint64_t bounding) {
  struct rule_set set = {.default_action = REFUSE_WITH(EPERM)};
  for (int i = 0; i < SYSCALL_COUNT; i++) {
    const struct syscall_entry *entry = &SYSCALLS[i];
    bool allowed = entry->listed && (entry->capabilities == 0 || (entry->capabilities & bounding) != 0);
    if (allowed) rule_set_add(&set, entry->number, SECCOMP_RET_ALLOW, NULL, 0);
  }
  add_special_rules(&set, capability_in(bounding, CAP_SYS_ADMIN));
  struct range_list list;
  rule_set_ranges(&set, &list);
  assemble(filter, &list, true);
  range_list_free(&list);
  rule_set_free(&set);
}

int seccomp_build(const struct json *profile, uint64_t bounding, struct seccomp_filter *filter,
                  struct strings *warnings, struct failure *failure) {
  *filter = (struct seccomp_filter){0};
  if (profile == NULL) return 0;
  if (profile->type == JSON_STRING && strcmp(profile->string, "Unconfined") == 0) return 0;
  if (profile->type == JSON_STRING && strcmp(profile->string, "RuntimeDefault") == 0) {
    build_default(filter, bounding);
    return 0;
  }
  if (profile->type != JSON_OBJECT) return fail(failure, "InvalidRequest", "unknown seccomp profile");
  struct rule_set set = {0};
  int result = rule_set_read(&set, profile, warnings, failure);
  if (result == 0) {
    struct range_list list;
    rule_set_ranges(&set, &list);
    assemble(filter, &list, false);
    range_list_free(&list);
  }
  rule_set_free(&set);
  if (result == 0 && filter->count >= BPF_MAXINSNS)
    result = fail(failure, "InvalidRequest", "seccomp profile too long");
  return result;
}

void seccomp_free(struct seccomp_filter *filter) {
  free(filter->instructions);
  *filter = (struct seccomp_filter){0};
}

int seccomp_install(const struct seccomp_filter *filter) {
  if (filter->instructions == NULL) return 0;
  struct sock_fprog program = {filter->count, filter->instructions};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}
