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

// What one entry of a profile says: it holds when one of these does.
enum { MAX_ALTERNATIVES = 64 };
struct alternatives {
  int count;
  struct rule rules[MAX_ALTERNATIVES];
};

struct comparison {
  const char *name;
  int high;  // how the high words decide alone; 0: never
  bool high_negated;
  int low;  // how the low words decide where the high ones are equal
  bool low_negated;
};

static const struct comparison COMPARISONS[] = {
    {"SCMP_CMP_EQ", 0, false, BPF_JEQ, false},      {"SCMP_CMP_NE", BPF_JEQ, true, BPF_JEQ, true},
    {"SCMP_CMP_GT", BPF_JGT, false, BPF_JGT, false}, {"SCMP_CMP_GE", BPF_JGT, false, BPF_JGE, false},
    {"SCMP_CMP_LT", BPF_JGE, true, BPF_JGE, true},   {"SCMP_CMP_LE", BPF_JGE, true, BPF_JGT, true},
};

static struct condition half(int argument, int high, int test, uint64_t value) {
  uint32_t word = high ? (uint32_t)(value >> 32) : (uint32_t)value;
  return (struct condition){.argument = argument, .high_word = high, .mask = 0xffffffff, .test = test, .value = word};
}

static void add_condition(struct rule *rule, struct condition condition) {
  rule->conditions[rule->count++] = condition;
}

static void add_masked(struct alternatives *all, int argument, const uint64_t values[2]) {
  struct condition high = half(argument, 1, BPF_JEQ, values[1]);
  struct condition low = half(argument, 0, BPF_JEQ, values[1]);
  high.mask = (uint32_t)(values[0] >> 32);
  low.mask = (uint32_t)values[0];
  for (int i = 0; i < all->count; i++) {
    add_condition(&all->rules[i], high);
    add_condition(&all->rules[i], low);
  }
}

// 64 bits by words of 32: either the high words decide, or they are equal and the low ones do.
static void add_comparison(struct alternatives *all, int argument, const struct comparison *comparison,
                           uint64_t value) {
  struct condition equal = half(argument, 1, BPF_JEQ, value);
  struct condition low = half(argument, 0, comparison->low, value);
  struct condition high = half(argument, 1, comparison->high, value);
  low.negate = comparison->low_negated;
  high.negate = comparison->high_negated;
  for (int i = 0, count = all->count; i < count; i++) {
    if (comparison->high != 0) {
      all->rules[all->count] = all->rules[i];
      add_condition(&all->rules[all->count++], high);
    }
    add_condition(&all->rules[i], equal);
    add_condition(&all->rules[i], low);
  }
}

static int add_argument(struct alternatives *all, int argument, const char *op, const uint64_t values[2]) {
  bool fits = all->count * 2 <= MAX_ALTERNATIVES && all->rules[0].count + 2 <= RULE_CONDITIONS;
  if (argument < 0 || argument > 5 || !fits) return -1;
  if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0) {
    add_masked(all, argument, values);
    return 0;
  }
  for (size_t i = 0; i < sizeof COMPARISONS / sizeof *COMPARISONS; i++) {
    if (strcmp(op, COMPARISONS[i].name) != 0) continue;
    add_comparison(all, argument, &COMPARISONS[i], values[0]);
    return 0;
  }
  return -1;
}

static int read_arguments(const struct json *entry, struct alternatives *all, struct failure *failure) {
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
    if (index > 5 || add_argument(all, (int)index, op, values) < 0) {
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

static void add_call(struct rule_set *set, const char *name, uint32_t action, const struct alternatives *all,
                     struct strings *warnings) {
  int number = number_by_name(name);
  if (number < 0) strings_take(warnings, format_string("seccomp: system call %s is not known here", name));
  for (int i = 0; number >= 0 && i < all->count; i++)
    rule_set_add(set, number, action, all->rules[i].conditions, all->rules[i].count);
}

static int read_entry(struct rule_set *set, const struct json *entry, struct strings *warnings,
                      struct failure *failure) {
  const char *action = "";
  int64_t error = EPERM;
  uint32_t number = 0;
  struct alternatives *all = allocate(1, sizeof *all);
  struct strings names = {0};
  all->count = 1;
  int result = json_read_string(entry, "action", &action, failure);
  if (result == 0) result = json_read_integer(entry, "errnoRet", &error, failure);
  if (result == 0) result = read_action(action, error, &number, failure);
  if (result == 0) result = read_arguments(entry, all, failure);
  if (result == 0) result = json_read_strings(entry, "names", &names, failure);
  for (size_t i = 0; result == 0 && i < names.count; i++) add_call(set, names.items[i], number, all, warnings);
  strings_free(&names);
  free(all);
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
