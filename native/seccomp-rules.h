// Which action each system call number gets: rules gathered per number, then merged into ranges of the same action.
#ifndef NOCHER_SECCOMP_RULES_H
#define NOCHER_SECCOMP_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "json.h"

enum { RULE_CONDITIONS = 12, MAX_SYSCALL = 1024 };

// `(word & mask) test value`, where word is one half of an argument. `test` is BPF_JEQ, BPF_JGT or BPF_JGE.
struct condition {
  int argument;
  int high_word;
  uint32_t mask;
  int test;
  uint32_t value;
  bool negate;
};

struct rule {
  struct rule *next;
  uint32_t action;
  int count;
  struct condition conditions[RULE_CONDITIONS];
};

// Per number: conditional rules in order, then an unconditional action (else the default).
struct rule_set {
  uint32_t default_action;
  struct rule *rules[MAX_SYSCALL];
  bool decided[MAX_SYSCALL];
  uint32_t actions[MAX_SYSCALL];
};

struct range {
  int first;
  uint32_t action;
  const struct rule *rules;
};

struct range_list {
  struct range *ranges;
  int count;
  int limit;  // one more than the highest number of the table
};

void rule_set_add(struct rule_set *set, int number, uint32_t action, const struct condition *conditions, int count);
int rule_set_read(struct rule_set *set, const struct json *profile, struct strings *warnings, struct failure *failure);
void rule_set_free(struct rule_set *set);
// The ranges point into the set.
void rule_set_ranges(const struct rule_set *set, struct range_list *list);
void range_list_free(struct range_list *list);
#endif
