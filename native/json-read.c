// Checked access to the members of parsed JSON.
#include <string.h>

#include "json.h"

const struct json *json_member(const struct json *object, const char *key) {
  if (object == NULL || object->type != JSON_OBJECT) return NULL;
  for (const struct json *item = object->child; item != NULL; item = item->next) {
    if (strcmp(item->key, key) == 0) return item->type == JSON_NULL ? NULL : item;
  }
  return NULL;
}

static int wrong(struct failure *failure, const char *key, const char *expected) {
  return fail(failure, "InvalidRequest", "field \"%s\" must be %s", key, expected);
}

int json_read_string(const struct json *object, const char *key, const char **result, struct failure *failure) {
  const struct json *value = json_member(object, key);
  if (value == NULL) return 0;
  if (value->type != JSON_STRING) return wrong(failure, key, "a string");
  *result = value->string;
  return 0;
}

int json_require_string(const struct json *object, const char *key, const char **result, struct failure *failure) {
  *result = NULL;
  if (json_read_string(object, key, result, failure) < 0) return -1;
  return *result == NULL || **result == '\0' ? wrong(failure, key, "given") : 0;
}

int json_read_boolean(const struct json *object, const char *key, bool *result, struct failure *failure) {
  const struct json *value = json_member(object, key);
  if (value == NULL) return 0;
  if (value->type != JSON_BOOLEAN) return wrong(failure, key, "true or false");
  *result = value->boolean;
  return 0;
}

int json_read_integer(const struct json *object, const char *key, int64_t *result, struct failure *failure) {
  const struct json *value = json_member(object, key);
  if (value == NULL) return 0;
  bool integral = value->type == JSON_NUMBER && value->number >= -9.0e18 && value->number <= 9.0e18 &&
                  value->number == (double)(int64_t)value->number;
  if (!integral) return wrong(failure, key, "an integer");
  *result = (int64_t)value->number;
  return 0;
}

int json_read_strings(const struct json *object, const char *key, struct strings *result, struct failure *failure) {
  const struct json *value = json_member(object, key);
  if (value == NULL) return 0;
  if (value->type != JSON_ARRAY) return wrong(failure, key, "a list of strings");
  for (const struct json *item = value->child; item != NULL; item = item->next) {
    if (item->type != JSON_STRING) return wrong(failure, key, "a list of strings");
    strings_add(result, item->string);
  }
  return 0;
}
