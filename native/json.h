// JSON: a parser into a tree with checked accessors, and a writer into a buffer.
#ifndef NOCHER_JSON_H
#define NOCHER_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "memory.h"

enum json_type { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
  enum json_type type;
  bool boolean;
  double number;
  char *string;
  char *key;           // within an object
  struct json *child;  // first element or member
  struct json *next;
};

// NULL with a failure (InvalidRequest) unless `text` is exactly one document, nested at most 64 deep.
struct json *json_parse(const char *text, size_t length, struct failure *failure);
void json_free(struct json *value);

// The member, or NULL when it is absent, null, or `object` is no object.
const struct json *json_member(const struct json *object, const char *key);

// Each reads one member: an absent one leaves `*result` as it was, a wrong type is InvalidRequest. They return 0 or -1.
int json_read_string(const struct json *object, const char *key, const char **result, struct failure *failure);
int json_read_boolean(const struct json *object, const char *key, bool *result, struct failure *failure);
int json_read_integer(const struct json *object, const char *key, int64_t *result, struct failure *failure);
int json_read_strings(const struct json *object, const char *key, struct strings *result, struct failure *failure);
// As json_read_string, but absent or empty is an error too.
int json_require_string(const struct json *object, const char *key, const char **result, struct failure *failure);

// The writer. `first` state is in the buffer's last byte: a comma is put when the last byte is no opening bracket or
// colon.
void json_open(struct buffer *out, char bracket);
void json_close(struct buffer *out, char bracket);
void json_key(struct buffer *out, const char *key);
void json_string(struct buffer *out, const char *text);
void json_integer(struct buffer *out, int64_t value);
void json_boolean(struct buffer *out, bool value);
void json_null(struct buffer *out);
// `key: value` in one call.
void json_put_string(struct buffer *out, const char *key, const char *text);
void json_put_integer(struct buffer *out, const char *key, int64_t value);
void json_put_boolean(struct buffer *out, const char *key, bool value);
void json_put_strings(struct buffer *out, const char *key, const struct strings *list);
void json_put_failure(struct buffer *out, const struct failure *failure);
// Nanoseconds since 1970 as RFC 3339 with nine digits. `text` holds at least 36 bytes.
void format_time(int64_t nanoseconds, char *text, size_t size);
void json_put_time(struct buffer *out, const char *key, int64_t nanoseconds);
#endif
