// Who a process runs as. Follows containerd's oci.WithUser and WithAdditionalGIDs.
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "resolve.h"
#include "syscalls.h"

enum { MAX_FILE = 4 << 20, MAX_FIELDS = 8 };

// Contents of a file in the container, NUL-terminated; NULL when it is missing, no plain file or absurdly big.
static char *read_file(int root, const char *path) {
  int fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return NULL;
  struct stat status;
  char *text = NULL;
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= MAX_FILE) {
    text = allocate((size_t)status.st_size + 1, 1);
    ssize_t length = read(fd, text, (size_t)status.st_size);
    text[length < 0 ? 0 : length] = '\0';
  }
  close(fd);
  return text;
}

// Splits the next line of `*text` at its colons; false at the end.
static bool next_entry(char **text, char *fields[MAX_FIELDS], size_t *count) {
  char *line = strsep(text, "\n");
  if (line == NULL) return false;
  *count = 0;
  char *field;
  while (*count < MAX_FIELDS && (field = strsep(&line, ":")) != NULL) fields[(*count)++] = field;
  return true;
}

static bool parse_id(const char *text, uint32_t *id) {
  if (*text == '\0' || strlen(text) > 10 || strspn(text, "0123456789") != strlen(text)) return false;
  unsigned long value = strtoul(text, NULL, 10);
  if (value > 0x7fffffff) return false;
  *id = (uint32_t)value;
  return true;
}

static void add_group(struct user *user, gid_t gid) {
  for (size_t i = 0; i < user->group_count; i++) {
    if (user->groups[i] == gid) return;
  }
  if (user->group_count < sizeof user->groups / sizeof *user->groups) user->groups[user->group_count++] = gid;
}

static bool member_of(char *members, const char *name) {
  char *member;
  while ((member = strsep(&members, ",")) != NULL) {
    if (strcmp(member, name) == 0) return true;
  }
  return false;
}

// Looks for a name or uid; fills uid, gid, home and `name` (what passwd calls the user, or "").
static bool find_user(int root, const char *wanted, struct user *user, char *name, size_t size) {
  char *text = read_file(root, "etc/passwd");
  char *at = text;
  char *fields[MAX_FIELDS];
  size_t count;
  uint32_t number;
  bool by_number = parse_id(wanted, &number);
  bool found = false;
  while (!found && text != NULL && next_entry(&at, fields, &count)) {
    uint32_t uid;
    uint32_t gid;
    if (count < 6 || !parse_id(fields[2], &uid) || !parse_id(fields[3], &gid)) continue;
    found = by_number ? uid == number : strcmp(fields[0], wanted) == 0;
    if (!found) continue;
    user->uid = uid;
    user->gid = gid;
    if (strlen(fields[5]) < sizeof user->home && fields[5][0] == '/') strcpy(user->home, fields[5]);
    if (strlen(fields[0]) < size) strcpy(name, fields[0]);
  }
  free(text);
  if (!found && by_number) user->uid = number;
  return found || by_number;
}

static bool find_group(int root, const char *wanted, gid_t *gid) {
  uint32_t number;
  if (parse_id(wanted, &number)) {
    *gid = number;
    return true;
  }
  char *text = read_file(root, "etc/group");
  char *at = text;
  char *fields[MAX_FIELDS];
  size_t count;
  bool found = false;
  while (!found && text != NULL && next_entry(&at, fields, &count)) {
    found = count >= 3 && strcmp(fields[0], wanted) == 0 && parse_id(fields[2], &number);
    if (found) *gid = number;
  }
  free(text);
  return found;
}

static void add_memberships(int root, const char *name, struct user *user) {
  if (*name == '\0') return;
  char *text = read_file(root, "etc/group");
  char *at = text;
  char *fields[MAX_FIELDS];
  size_t count;
  while (text != NULL && next_entry(&at, fields, &count)) {
    uint32_t gid;
    if (count >= 4 && parse_id(fields[2], &gid) && member_of(fields[3], name)) add_group(user, gid);
  }
  free(text);
}

static int read_supplemental(const struct json *object, struct user_request *request, struct failure *failure) {
  const struct json *list = json_member(object, "supplementalGroups");
  if (list == NULL) return 0;
  for (const struct json *item = list->child; item != NULL; item = item->next) {
    bool valid = item->type == JSON_NUMBER && item->number >= 0 && item->number <= 0x7fffffff;
    size_t limit = sizeof request->supplemental / sizeof *request->supplemental;
    if (!valid || request->supplemental_count == limit) {
      return fail(failure, "InvalidRequest", "field \"supplementalGroups\" must be a list of at most %zu ids", limit);
    }
    request->supplemental[request->supplemental_count++] = (gid_t)item->number;
  }
  return 0;
}

int user_read(const struct json *object, struct user_request *request, struct failure *failure) {
  *request = (struct user_request){.user = "", .group = "", .merge = true};
  const char *policy = "Merge";
  if (json_read_string(object, "user", &request->user, failure) < 0) return -1;
  if (json_read_string(object, "group", &request->group, failure) < 0) return -1;
  if (json_read_string(object, "supplementalGroupsPolicy", &policy, failure) < 0) return -1;
  request->merge = strcmp(policy, "Strict") != 0;
  return read_supplemental(object, request, failure);
}

int user_resolve(int root, const struct user_request *request, struct user *user, struct failure *failure) {
  *user = (struct user){.home = "/"};
  char wanted[256];
  char name[256] = "";
  if (strlen(request->user) >= sizeof wanted) return fail(failure, "InvalidRequest", "user name too long");
  strcpy(wanted, *request->user == '\0' ? "0" : request->user);
  char *group = strchr(wanted, ':');
  if (group != NULL) *group++ = '\0';
  if (!find_user(root, wanted, user, name, sizeof name)) {
    return fail(failure, "StartFailed", "unable to find user %s: no matching entries in passwd file", wanted);
  }
  const char *chosen = *request->group != '\0' ? request->group : group;
  if (chosen != NULL && *chosen != '\0' && !find_group(root, chosen, &user->gid)) {
    return fail(failure, "StartFailed", "unable to find group %s: no matching entries in group file", chosen);
  }
  add_group(user, user->gid);
  if (request->merge) add_memberships(root, name, user);
  for (size_t i = 0; i < request->supplemental_count; i++) add_group(user, request->supplemental[i]);
  return 0;
}

int user_apply(const struct user *user) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -1;
  if (setgroups(user->group_count, user->groups) < 0) return -1;
  if (setresgid(user->gid, user->gid, user->gid) < 0) return -1;
  if (setresuid(user->uid, user->uid, user->uid) < 0) return -1;
  return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}
