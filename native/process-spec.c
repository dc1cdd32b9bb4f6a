// From a request's JSON to a process_spec.
#include "process-spec.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const RLIMIT_NAMES[RLIMIT_COUNT] = {
    [RLIMIT_AS] = "AS",           [RLIMIT_CORE] = "CORE",         [RLIMIT_CPU] = "CPU",
    [RLIMIT_DATA] = "DATA",       [RLIMIT_FSIZE] = "FSIZE",       [RLIMIT_LOCKS] = "LOCKS",
    [RLIMIT_MEMLOCK] = "MEMLOCK", [RLIMIT_MSGQUEUE] = "MSGQUEUE", [RLIMIT_NICE] = "NICE",
    [RLIMIT_NOFILE] = "NOFILE",   [RLIMIT_NPROC] = "NPROC",       [RLIMIT_RSS] = "RSS",
    [RLIMIT_RTPRIO] = "RTPRIO",   [RLIMIT_RTTIME] = "RTTIME",     [RLIMIT_SIGPENDING] = "SIGPENDING",
    [RLIMIT_STACK] = "STACK"};

static int rlimit_by_name(const char *name) {
  if (strncasecmp(name, "RLIMIT_", 7) == 0) name += 7;
  for (int i = 0; i < RLIMIT_COUNT; i++) {
    if (RLIMIT_NAMES[i] != NULL && strcasecmp(name, RLIMIT_NAMES[i]) == 0) return i;
  }
  return -1;
}

static bool env_has(const struct strings *env, const char *name) {
  size_t length = strlen(name);
  for (size_t i = 0; i < env->count; i++) {
    if (strncmp(env->items[i], name, length) == 0 && env->items[i][length] == '=') return true;
  }
  return false;
}

// Without CAP_SYS_RESOURCE no hard limit can be raised.
static void clamp_limit(int kind, struct rlimit *limit, struct strings *warnings) {
  struct rlimit own;
  if (getrlimit(kind, &own) < 0 || capability_in(capability_available(), CAP_SYS_RESOURCE)) return;
  if (limit->rlim_max > own.rlim_max) {
    strings_take(warnings, format_string("rlimit %s: hard limit lowered from %llu to %llu", RLIMIT_NAMES[kind],
                                         (unsigned long long)limit->rlim_max, (unsigned long long)own.rlim_max));
    limit->rlim_max = own.rlim_max;
  }
  if (limit->rlim_cur > limit->rlim_max) limit->rlim_cur = limit->rlim_max;
}

static int read_rlimits(const struct json *container, struct process_spec *spec, struct strings *warnings,
                        struct failure *failure) {
  const struct json *list = json_member(container, "rlimits");
  for (const struct json *item = list == NULL ? NULL : list->child; item != NULL; item = item->next) {
    const char *type;
    int64_t soft = -1;
    int64_t hard = -1;
    if (json_require_string(item, "type", &type, failure) < 0) return -1;
    if (json_read_integer(item, "soft", &soft, failure) < 0 || json_read_integer(item, "hard", &hard, failure) < 0)
      return -1;
    int kind = rlimit_by_name(type);
    if (kind < 0) return fail(failure, "InvalidRequest", "unknown rlimit \"%s\"", type);
    struct rlimit *limit = &spec->limits[kind];
    *limit = (struct rlimit){soft < 0 ? RLIM_INFINITY : (rlim_t)soft, hard < 0 ? RLIM_INFINITY : (rlim_t)hard};
    if (limit->rlim_cur > limit->rlim_max) return fail(failure, "InvalidRequest", "rlimit %s: soft exceeds hard", type);
    spec->limited[kind] = true;
    clamp_limit(kind, limit, warnings);
  }
  return 0;
}

static int read_terminal(const struct json *object, struct process_spec *spec, struct failure *failure) {
  int64_t rows = 0;
  int64_t columns = 0;
  const struct json *size = json_member(object, "ttySize");
  if (json_read_boolean(object, "tty", &spec->tty, failure) < 0) return -1;
  if (json_read_integer(size, "rows", &rows, failure) < 0 || json_read_integer(size, "columns", &columns, failure) < 0)
    return -1;
  spec->rows = (unsigned short)rows;
  spec->columns = (unsigned short)columns;
  return 0;
}

static int read_command(const struct json *object, struct process_spec *spec, const char *default_cwd,
                        struct failure *failure) {
  const char *cwd = default_cwd;
  if (json_read_strings(object, "args", &spec->args, failure) < 0) return -1;
  if (spec->args.count == 0) return fail(failure, "InvalidRequest", "field \"args\" must be given");
  if (json_read_string(object, "cwd", &cwd, failure) < 0) return -1;
  if (*cwd == '\0') cwd = default_cwd;
  if (*cwd != '/') return fail(failure, "InvalidRequest", "field \"cwd\" must be absolute");
  spec->cwd = copy_string(cwd);
  return read_terminal(object, spec, failure);
}

static int read_user(const struct json *object, int root, struct process_spec *spec, struct failure *failure) {
  struct user_request request;
  if (user_read(json_member(object, "user"), &request, failure) < 0) return -1;
  return user_resolve(root, &request, &spec->user, failure);
}

// `available`: what may be handed on. The filter depends on it, so it is no later step.
static int read_privileges(const struct json *container, uint64_t available, struct process_spec *spec,
                           struct strings *warnings, struct failure *failure) {
  bool privileged = false;
  if (json_read_boolean(container, "privileged", &privileged, failure) < 0) return -1;
  if (json_read_boolean(container, "noNewPrivileges", &spec->no_new_privs, failure) < 0) return -1;
  uint64_t fallback = privileged ? available : capability_default();
  const struct json *sets = json_member(container, "capabilities");
  if (capabilities_read(sets, fallback, &spec->capabilities, failure) < 0) return -1;
  if (capabilities_restrict(&spec->capabilities, available)) {
    strings_add(warnings, "capabilities: some that were asked for are not available on this host");
  }
  const struct json *profile = json_member(container, "seccomp");
  return seccomp_build(profile, spec->capabilities.bounding, &spec->filter, warnings, failure);
}

static void complete_env(struct process_spec *spec) {
  static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  if (!env_has(&spec->env, "PATH")) strings_add(&spec->env, path);
  if (!env_has(&spec->env, "HOME")) strings_take(&spec->env, format_string("HOME=%s", spec->user.home));
  if (spec->tty && !env_has(&spec->env, "TERM")) strings_add(&spec->env, "TERM=xterm");
}

int process_spec_read(const struct json *container, int root, struct process_spec *spec, struct strings *warnings,
                      struct failure *failure) {
  *spec = (struct process_spec){0};
  int64_t score = 0;
  int result = read_command(container, spec, "/", failure);
  if (result == 0) result = json_read_strings(container, "env", &spec->env, failure);
  if (result == 0) result = read_user(container, root, spec, failure);
  if (result == 0) result = read_privileges(container, capability_available(), spec, warnings, failure);
  if (result == 0) result = read_rlimits(container, spec, warnings, failure);
  if (result == 0) result = json_read_integer(container, "oomScoreAdj", &score, failure);
  spec->has_oom_score = json_member(container, "oomScoreAdj") != NULL;
  spec->oom_score = (int)score;
  if (result < 0) process_spec_free(spec);
  else complete_env(spec);
  return result;
}

// A later assignment of the same name replaces an earlier one.
static void lay_over(struct strings *env, const struct strings *more) {
  for (size_t i = 0; i < more->count; i++) {
    size_t name = strcspn(more->items[i], "=") + 1;
    size_t at = 0;
    while (at < env->count && strncmp(env->items[at], more->items[i], name) != 0) at++;
    if (at == env->count) {
      strings_add(env, more->items[i]);
    } else {
      free(env->items[at]);
      env->items[at] = copy_string(more->items[i]);
    }
  }
}

int process_spec_derive(const struct process_spec *base, const struct json *container, const struct json *request,
                        int root, struct process_spec *spec, struct strings *warnings, struct failure *failure) {
  *spec = (struct process_spec){.user = base->user};
  struct strings more = {0};
  int result = read_command(request, spec, base->cwd, failure);
  if (result == 0) result = json_read_strings(request, "env", &more, failure);
  if (result == 0 && json_member(request, "user") != NULL) result = read_user(request, root, spec, failure);
  // The container may have got less than it asked for.
  if (result == 0) result = read_privileges(container, base->capabilities.bounding, spec, warnings, failure);
  lay_over(&spec->env, &base->env);
  lay_over(&spec->env, &more);
  strings_free(&more);
  memcpy(spec->limits, base->limits, sizeof spec->limits);
  memcpy(spec->limited, base->limited, sizeof spec->limited);
  spec->has_oom_score = base->has_oom_score;
  spec->oom_score = base->oom_score;
  if (result < 0) process_spec_free(spec);
  else complete_env(spec);
  return result;
}

void process_spec_free(struct process_spec *spec) {
  strings_free(&spec->args);
  strings_free(&spec->env);
  seccomp_free(&spec->filter);
  free(spec->cwd);
  spec->cwd = NULL;
}
