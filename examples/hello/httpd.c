/*
 * The web server of the hello image: one process, one thread, poll(2). It shows what a well-behaved container does:
 * one access-log line per request on standard output, and on SIGTERM it first serves what still arrives, then finishes
 * what is in flight, then exits 0.
 *
 * No rolling update loses a request with it, on kept connections neither. That part only a server can do: it tells
 * clients how long a connection may be idle, answers with `Connection: close` once it is to stop, and closes none that
 * a client may still use: a request that crosses a close on its way is lost.
 *
 *   /            who answers: pod, version, greeting ($GREETING), message (the file $MESSAGE_FILE, read each time)
 *   /healthz     200 while it serves; 503 once it has been told to stop
 *   /slow?ms=N   answers after N milliseconds, at most 60000
 *
 * $PORT (8080), $HELLO_VERSION, $HELLO_TOKEN (only whether it is set is shown).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  MAX_CONNECTIONS = 1000,
  REQUEST_SIZE = 8192,
  RESPONSE_SIZE = 8192,
  /* What clients are told, and what holds: a second more, for a request that is already on its way. */
  KEEP_ALIVE_SECONDS = 5,
  IDLE_MS = KEEP_ALIVE_SECONDS * 1000 + 1000,
  /* How long new requests are still served after SIGTERM: proxies need a moment to hear of it. */
  LINGER_MS = 500,
  MAX_SLOW_MS = 60000,
};

enum state { READING, WAITING, WRITING };

struct connection {
  int fd;
  enum state state;
  long long deadline;
  long long started;
  size_t received, sent, length;
  bool keep_alive;
  int status;
  size_t body_length;
  char peer[INET6_ADDRSTRLEN];
  char line[256];
  char request[REQUEST_SIZE + 1];
  char response[RESPONSE_SIZE];
};

struct server {
  int listener;
  long long stopping_at;
  int count;
  struct connection *connections[MAX_CONNECTIONS];
};

static volatile sig_atomic_t stop_requested;

static void on_stop(int signal_number) {
  (void)signal_number;
  stop_requested = 1;
}

static long long now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static const char *setting(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value != NULL && *value != '\0' ? value : otherwise;
}

static int listen_on(int port) {
  int on = 1, off = 0;
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_any};
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) == 0 && listen(fd, 1024) == 0) return fd;
    close(fd);
  }
  fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&any4, sizeof any4) == 0 && listen(fd, 1024) == 0) return fd;
  close(fd);
  return -1;
}

static void name_peer(const struct sockaddr_storage *address, char *peer, size_t size) {
  const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
  if (address->ss_family == AF_INET) inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, peer, (socklen_t)size);
  else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], peer, (socklen_t)size);
  else inet_ntop(AF_INET6, &six->sin6_addr, peer, (socklen_t)size);
}

static void accept_all(struct server *server) {
  while (server->count < MAX_CONNECTIONS) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int on = 1;
    int fd = accept4(server->listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
      close(fd);
      return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    c->deadline = now_ms() + IDLE_MS;
    name_peer(&address, c->peer, sizeof c->peer);
    server->connections[server->count++] = c;
  }
}

static void drop(struct server *server, int i) {
  struct connection *c = server->connections[i];
  close(c->fd);
  free(c);
  server->connections[i] = server->connections[--server->count];
}

static bool has_header(const struct connection *c, const char *name, const char *value) {
  for (const char *line = strstr(c->request, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
    const char *end = strstr(line + 2, "\r\n");
    const char *found;
    if (end == line + 2) break;
    if (end == NULL || strncasecmp(line + 2, name, strlen(name)) != 0 || line[2 + strlen(name)] != ':') continue;
    found = strcasestr(line + 2 + strlen(name), value);
    if (found != NULL && found < end) return true;
  }
  return false;
}

/* Appends `text` to `body` with HTML's special characters escaped, or as it is. */
static void append(char *body, size_t size, const char *text, bool html) {
  size_t used = strlen(body);
  for (; *text != '\0' && used + 8 < size; text++) {
    if (html && *text == '<') used += (size_t)sprintf(body + used, "&lt;");
    else if (html && *text == '&') used += (size_t)sprintf(body + used, "&amp;");
    else body[used++] = *text;
  }
  body[used] = '\0';
}

static void read_message(char *text, size_t size) {
  int fd = open(setting("MESSAGE_FILE", "/etc/hello/message"), O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);
  text[length < 0 ? 0 : length] = '\0';
  text[strcspn(text, "\r\n")] = '\0';
  if (fd >= 0) close(fd);
}

static void page(char *body, size_t size, bool html) {
  char host[256] = "", message[512] = "";
  const char *rows[5][2];
  gethostname(host, sizeof host - 1);
  read_message(message, sizeof message);
  rows[0][0] = "pod", rows[0][1] = host;
  rows[1][0] = "version", rows[1][1] = setting("HELLO_VERSION", "unknown");
  rows[2][0] = "greeting", rows[2][1] = setting("GREETING", "-");
  rows[3][0] = "message", rows[3][1] = message[0] != '\0' ? message : "-";
  rows[4][0] = "token", rows[4][1] = getenv("HELLO_TOKEN") != NULL ? "set" : "not set";
  body[0] = '\0';
  if (html) append(body, size, "<!doctype html><meta charset=utf-8><title>Hello from Nocher</title><style>body{font:18px system-ui;margin:3em}td{padding:.2em 1em .2em 0}</style><h1>", false);
  append(body, size, "Hello from Nocher", false);
  append(body, size, strcmp(rows[1][1], "1") == 0 ? "" : ", version ", false);
  append(body, size, strcmp(rows[1][1], "1") == 0 ? "" : rows[1][1], html);
  append(body, size, html ? "</h1><table>" : "\n", false);
  for (int i = 0; i < 5; i++) {
    append(body, size, html ? "<tr><td>" : "", false);
    append(body, size, rows[i][0], false);
    append(body, size, html ? "<td>" : ": ", false);
    append(body, size, rows[i][1], html);
    append(body, size, html ? "" : "\n", false);
  }
}

static const char *reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 431: return "Request Header Fields Too Large";
    default: return "Service Unavailable";
  }
}

static void respond(struct connection *c, int status, const char *type, const char *body) {
  bool head = strncmp(c->line, "HEAD ", 5) == 0;
  char connection[64] = "close";
  if (c->keep_alive) snprintf(connection, sizeof connection, "keep-alive\r\nKeep-Alive: timeout=%d", KEEP_ALIVE_SECONDS);
  c->status = status;
  c->body_length = strlen(body);
  c->length = (size_t)snprintf(c->response, sizeof c->response,
                               "HTTP/1.1 %d %s\r\nContent-Type: %s; charset=utf-8\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s",
                               status, reason(status), type, c->body_length, connection, head ? "" : body);
  c->sent = 0;
  c->state = WRITING;
}

static bool is_path(const char *target, const char *path) {
  size_t length = strlen(path);
  return strncmp(target, path, length) == 0 && (target[length] == ' ' || target[length] == '?');
}

/* Answers the request whose head is complete; `c->line` holds its first line. */
static void answer(struct connection *c, bool stopping) {
  char body[4096];
  const char *target = strchr(c->line, ' ');
  const char *query;
  bool known = strncmp(c->line, "GET ", 4) == 0 || strncmp(c->line, "HEAD ", 5) == 0;
  c->keep_alive = !stopping && known && strstr(c->line, " HTTP/1.1") != NULL && !has_header(c, "connection", "close") &&
                  !has_header(c, "transfer-encoding", "chunked") && (!has_header(c, "content-length", "") || has_header(c, "content-length", ": 0\r"));
  if (target == NULL || strstr(c->line, " HTTP/1.") == NULL) {
    c->keep_alive = false;
    respond(c, 400, "text/plain", "bad request\n");
  } else if (!known) {
    respond(c, 405, "text/plain", "only GET and HEAD\n");
  } else if (is_path(++target, "/")) {
    bool html = has_header(c, "accept", "text/html");
    page(body, sizeof body, html);
    respond(c, 200, html ? "text/html" : "text/plain", body);
  } else if (is_path(target, "/healthz")) {
    respond(c, stopping ? 503 : 200, "text/plain", stopping ? "stopping\n" : "ok\n");
  } else if (is_path(target, "/slow")) {
    query = strstr(target, "?ms=");
    long ms = query == NULL ? 1000 : strtol(query + 4, NULL, 10);
    if (ms < 0) ms = 0;
    if (ms > MAX_SLOW_MS) ms = MAX_SLOW_MS;
    snprintf(body, sizeof body, "waited %ld ms\n", ms);
    respond(c, 200, "text/plain", body);
    c->state = WAITING;
    c->deadline = c->started + ms;
  } else {
    respond(c, 404, "text/plain", "not found\n");
  }
}

static void log_request(const struct connection *c) {
  printf("%s \"%s\" %d %zu %lldms\n", c->peer, c->line, c->status, c->body_length, now_ms() - c->started);
}

/* Starts on the next request if its head is there. What follows it stays in the buffer (pipelining). */
static void take_request(struct connection *c, bool stopping) {
  char *end = strstr(c->request, "\r\n\r\n");
  size_t head, line;
  if (end == NULL && c->received < REQUEST_SIZE) return;
  c->started = now_ms();
  line = strcspn(c->request, "\r\n");
  snprintf(c->line, sizeof c->line, "%.*s", (int)(line < 255 ? line : 255), c->request);
  for (char *p = c->line; *p != '\0'; p++) {
    if (*p < ' ' || *p == '"' || *p == 127) *p = '?';
  }
  if (end == NULL) {
    c->keep_alive = false;
    respond(c, 431, "text/plain", "too large\n");
    return;
  }
  head = (size_t)(end - c->request) + 4;
  answer(c, stopping);
  memmove(c->request, c->request + head, c->received - head + 1);
  c->received -= head;
}

/* False when the connection is over. */
static bool receive(struct connection *c, bool stopping) {
  ssize_t got = read(c->fd, c->request + c->received, REQUEST_SIZE - c->received);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return false;
  if (got > 0) c->received += (size_t)got;
  c->request[c->received] = '\0';
  take_request(c, stopping);
  return true;
}

static bool transmit(struct connection *c, bool stopping) {
  while (c->state == WRITING) {
    ssize_t put = send(c->fd, c->response + c->sent, c->length - c->sent, MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    c->sent += (size_t)put;
    if (c->sent < c->length) continue;
    log_request(c);
    if (!c->keep_alive) {
      shutdown(c->fd, SHUT_WR);
      return false;
    }
    c->state = READING;
    c->deadline = now_ms() + IDLE_MS;
    take_request(c, stopping);
  }
  return true;
}

/* Moves one connection on; false when it is over. */
static bool serve(struct connection *c, short events, bool stopping) {
  if (c->state == READING && (events & (POLLIN | POLLHUP | POLLERR)) != 0 && !receive(c, stopping)) return false;
  if (c->state == WAITING && (events & (POLLHUP | POLLERR)) != 0) return false;
  if (c->state == WAITING && now_ms() >= c->deadline) c->state = WRITING;
  if (c->state == WRITING) return transmit(c, stopping);
  return c->state != READING || now_ms() < c->deadline;
}

/* True when nothing more is to be done after SIGTERM: idle connections end by their deadline, as they always do. */
static bool finish(struct server *server) {
  if (now_ms() < server->stopping_at + LINGER_MS) return false;
  if (server->listener >= 0) {
    accept_all(server);
    close(server->listener);
    server->listener = -1;
  }
  return server->count == 0;
}

static int next_timeout(const struct server *server) {
  long long nearest = now_ms() + (server->stopping_at != 0 ? 50 : 1000);
  for (int i = 0; i < server->count; i++) {
    const struct connection *c = server->connections[i];
    if (c->state == WAITING && c->deadline < nearest) nearest = c->deadline;
  }
  nearest -= now_ms();
  return nearest < 0 ? 0 : (int)nearest;
}

static void run(struct server *server, const sigset_t *while_waiting) {
  static struct pollfd polled[MAX_CONNECTIONS + 1];
  for (;;) {
    if (stop_requested && server->stopping_at == 0) {
      server->stopping_at = now_ms();
      printf("stopping: %d connections\n", server->count);
    }
    if (server->stopping_at != 0 && finish(server)) return;
    int timeout = next_timeout(server);
    struct timespec wait = {.tv_sec = timeout / 1000, .tv_nsec = (timeout % 1000) * 1000000L};
    int count = server->count;
    for (int i = 0; i < count; i++) {
      enum state state = server->connections[i]->state;
      short events = state == READING ? POLLIN : state == WRITING ? POLLOUT : 0;
      polled[i] = (struct pollfd){.fd = server->connections[i]->fd, .events = events};
    }
    polled[count] = (struct pollfd){.fd = count < MAX_CONNECTIONS ? server->listener : -1, .events = POLLIN};
    ppoll(polled, (nfds_t)count + 1, &wait, while_waiting);
    for (int i = count - 1; i >= 0; i--) {
      if (!serve(server->connections[i], polled[i].revents, server->stopping_at != 0)) drop(server, i);
    }
    if (polled[count].revents != 0 && server->listener >= 0) accept_all(server);
  }
}

int main(void) {
  static struct server server;
  int port = atoi(setting("PORT", "8080"));
  struct sigaction stop = {.sa_handler = on_stop};
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  /* Delivered only inside ppoll: no signal is missed between the check and the wait. */
  sigprocmask(SIG_BLOCK, &blocked, &before);
  sigdelset(&before, SIGTERM);
  sigdelset(&before, SIGINT);
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGINT, &stop, NULL);
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  server.listener = listen_on(port);
  if (server.listener < 0) {
    fprintf(stderr, "cannot listen on port %d: %s\n", port, strerror(errno));
    return 1;
  }
  printf("hello version %s listening on port %d\n", setting("HELLO_VERSION", "unknown"), port);
  run(&server, &before);
  printf("stopped\n");
  return 0;
}
