// Which action each system call number gets; reads OCI profiles (runtime-spec, config-linux.md, seccomp).
#include "seccomp-rules.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "seccomp.h"

void rule_set_add(struct rule_set *set, int number, uint32_t action, const struct condition *conditions, int count) {
  if (number < 0 || number >= MAX_SYSCALL || set->decided[number]) return;
  if (count == 0) {
    set->decided[number] = true;
    set->actions[number] = action;
    return;
  }
  struct rule *rule = allocate(1, sizeof *rule);
  rule->action = action;
  rule->count = count;
  memcpy(rule->conditions, conditions, (size_t)count * sizeof *conditions);
  struct rule **tail = &set->rules[number];
  while (*tail != NULL) tail = &(*tail)->next;
  *tail = rule;
}

void rule_set_free(struct rule_set *set) {
  for (int i = 0; i < MAX_SYSCALL; i++) {
    while (set->rules[i] != NULL) {
      struct rule *next = set->rules[i]->next;
      free(set->rules[i]);
      set->rules[i] = next;
    }
  }
}

void rule_set_ranges(const struct rule_set *set, struct range_list *list) {
  *list = (struct range_list){.ranges = allocate(MAX_SYSCALL, sizeof *list->ranges)};
  for (int i = 0; i < SYSCALL_COUNT; i++) {
    if (SYSCALLS[i].number >= list->limit) list->limit = SYSCALLS[i].number + 1;
  }
  for (int number = 0; number < MAX_SYSCALL; number++) {
    uint32_t action = set->decided[number] ? set->actions[number] : set->default_action;
    const struct range *last = list->count == 0 ? NULL : &list->ranges[list->count - 1];
    bool same = last != NULL && last->rules == NULL && set->rules[number] == NULL && last->action == action;
    if (!same) list->ranges[list->count++] = (struct range){number, action, set->rules[number]};
  }
}

void range_list_free(struct range_list *list) { free(list->ranges); }

static int read_action(const char *name, int64_t error, uint32_t *action, struct failure *failure) {
  static const struct {
    const char *name;
    uint32_t action;
  } actions[] = {
      {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW}, {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
      {"SCMP_ACT_LOG", SECCOMP_RET_LOG},     {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
      {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO}, {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
      {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},   {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
  };
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
    if (strcmp(name, actions[i].name) != 0) continue;
    *action = actions[i].action;
    if (*action == SECCOMP_RET_ERRNO || *action == SECCOMP_RET_TRACE) *action |= (uint32_t)error & SECCOMP_RET_DATA;
    return 0;
  }
  return fail(failure, "InvalidRequest", "unknown seccomp action \"%s\"", name);
}

static struct condition half(int argument, int high, int test, uint64_t value) {
  uint32_t word = high ? (uint32_t)(value >> 32) : (uint32_t)value;
  return (struct condition){.argument = argument, .high_word = high, .mask = 0xffffffff, .test = test, .value = word};
}

// Comparisons of 64 bits. Orders look at the low word only when the high word is zero in `value`, which profiles keep
// to.
static int add_argument(struct rule *rule, int argument, const char *op, const uint64_t values[2]) {
  if (argument < 0 || argument > 5 || rule->count + 2 > RULE_CONDITIONS) return -1;
  struct condition *out = &rule->conditions[rule->count];
  uint64_t value = strcmp(op, "SCMP_CMP_MASKED_EQ") == 0 ? values[1] : values[0];
  out[0] = half(argument, 1, BPF_JEQ, value);
  out[1] = half(argument, 0, BPF_JEQ, value);
  rule->count += 2;
  if (strcmp(op, "SCMP_CMP_EQ") == 0) return 0;
  if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0) {
    out[0].mask = (uint32_t)(values[0] >> 32);
    out[1].mask = (uint32_t)values[0];
    return 0;
  }
  if (value >> 32 != 0) return -1;
  bool greater = strcmp(op, "SCMP_CMP_GT") == 0 || strcmp(op, "SCMP_CMP_LE") == 0;
  bool ordered = greater || strcmp(op, "SCMP_CMP_GE") == 0 || strcmp(op, "SCMP_CMP_LT") == 0;
  out[1].test = greater ? BPF_JGT : ordered ? BPF_JGE : BPF_JEQ;
  out[1].negate = strcmp(op, "SCMP_CMP_NE") == 0 || strcmp(op, "SCMP_CMP_LE") == 0 || strcmp(op, "SCMP_CMP_LT") == 0;
  return ordered || out[1].negate ? 0 : -1;
}

static int read_arguments(const struct json *entry, struct rule *rule, struct failure *failure) {
  const struct json *list = json_member(entry, "args");
  for (const struct json *item = list == NULL ? NULL : list->child; item != NULL; item = item->next) {
    int64_t index = -1;
    int64_t value = 0;
    int64_t second = 0;
    const char *op = "";
    if (json_read_integer(item, "index", &index, failure) < 0 || json_read_string(item, "op", &op, failure) < 0)
      return -1;
    if (json_read_integer(item, "value", &value, failure) < 0) return -1;
    if (json_read_integer(item, "valueTwo", &second, failure) < 0) return -1;
    uint64_t values[2] = {(uint64_t)value, (uint64_t)second};
    if (add_argument(rule, (int)index, op, values) < 0) {
      return fail(failure, "InvalidRequest", "seccomp argument condition \"%s\" is not supported", op);
    }
  }
  return 0;
}

static int number_by_name(const char *name) {
  for (int i = 0; i < SYSCALL_COUNT; i++) {
    if (strcmp(SYSCALLS[i].name, name) == 0) return SYSCALLS[i].number;
  }
  return -1;
}

static int read_entry(struct rule_set *set, const struct json *entry, struct strings *warnings,
                      struct failure *failure) {
  const char *action = "";
  int64_t error = EPERM;
  struct rule rule = {0};
  struct strings names = {0};
  int result = json_read_string(entry, "action", &action, failure);
  if (result == 0) result = json_read_integer(entry, "errnoRet", &error, failure);
  if (result == 0) result = read_action(action, error, &rule.action, failure);
  if (result == 0) result = read_arguments(entry, &rule, failure);
  if (result == 0) result = json_read_strings(entry, "names", &names, failure);
  for (size_t i = 0; result == 0 && i < names.count; i++) {
    int number = number_by_name(names.items[i]);
    if (number >= 0) rule_set_add(set, number, rule.action, rule.conditions, rule.count);
    else strings_take(warnings, format_string("seccomp: system call %s is not known here", names.items[i]));
  }
  strings_free(&names);
  return result;
}

int rule_set_read(struct rule_set *set, const struct json *profile, struct strings *warnings, struct failure *failure) {
  const char *action = "SCMP_ACT_ERRNO";
  int64_t error = EPERM;
  if (json_read_string(profile, "defaultAction", &action, failure) < 0) return -1;
  if (json_read_integer(profile, "defaultErrnoRet", &error, failure) < 0) return -1;
  if (read_action(action, error, &set->default_action, failure) < 0) return -1;
  const struct json *list = json_member(profile, "syscalls");
  for (const struct json *entry = list == NULL ? NULL : list->child; entry != NULL; entry = entry->next) {
    if (read_entry(set, entry, warnings, failure) < 0) return -1;
  }
  return 0;
}
