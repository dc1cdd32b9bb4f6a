// One rtnetlink socket: building requests, sending them, reading the acknowledgement.
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct nlmsghdr *header_of(struct netlink_request *request) { return (struct nlmsghdr *)(void *)request->bytes; }

int netlink_open(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -1;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

void netlink_put_raw(struct netlink_request *request, const void *data, size_t length) {
  struct nlmsghdr *header = header_of(request);
  size_t at = NLMSG_ALIGN(header->nlmsg_len);
  if (at + length > sizeof request->bytes) return;
  if (length > 0) memcpy(request->bytes + at, data, length);
  header->nlmsg_len = (uint32_t)(at + length);
}

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, const void *header, size_t size) {
  memset(request, 0, sizeof *request);
  struct nlmsghdr *message = header_of(request);
  message->nlmsg_len = NLMSG_HDRLEN;
  message->nlmsg_type = type;
  message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  netlink_put_raw(request, header, size);
}

void netlink_put(struct netlink_request *request, uint16_t type, const void *data, size_t length) {
  struct rtattr attribute = {(unsigned short)RTA_LENGTH(length), type};
  netlink_put_raw(request, &attribute, sizeof attribute);
  netlink_put_raw(request, data, length);
}

void netlink_put_text(struct netlink_request *request, uint16_t type, const char *text) {
  netlink_put(request, type, text, strlen(text) + 1);
}

void netlink_put_u32(struct netlink_request *request, uint16_t type, uint32_t value) {
  netlink_put(request, type, &value, sizeof value);
}

size_t netlink_nest(struct netlink_request *request, uint16_t type) {
  size_t at = NLMSG_ALIGN(header_of(request)->nlmsg_len);
  netlink_put(request, type, NULL, 0);
  return at;
}

void netlink_end(struct netlink_request *request, size_t nest) {
  struct rtattr *attribute = (struct rtattr *)(void *)(request->bytes + nest);
  attribute->rta_len = (unsigned short)(header_of(request)->nlmsg_len - nest);
}

static ssize_t transact(int fd, struct netlink_request *request, void *answer, size_t size) {
  struct nlmsghdr *header = header_of(request);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (sendto(fd, header, header->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0) return -1;
  ssize_t length;
  do length = recv(fd, answer, size, 0);
  while (length < 0 && errno == EINTR);
  if (length >= 0 && length < (ssize_t)sizeof(struct nlmsghdr)) {
    errno = EPROTO;
    return -1;
  }
  return length;
}

// 0 unless the answer is an error message.
static int answer_error(const struct nlmsghdr *answer) {
  if (answer->nlmsg_type != NLMSG_ERROR) return 0;
  const struct nlmsgerr *error = NLMSG_DATA(answer);
  return -error->error;
}

int netlink_send(int fd, struct netlink_request *request) {
  _Alignas(8) unsigned char answer[4096];
  header_of(request)->nlmsg_flags |= NLM_F_ACK;
  if (transact(fd, request, answer, sizeof answer) < 0) return -1;
  int error = answer_error((struct nlmsghdr *)(void *)answer);
  if (error == 0) return 0;
  errno = error;
  return -1;
}

int netlink_find_link(int fd, const char *name, unsigned char *mac) {
  _Alignas(8) unsigned char bytes[16384];
  struct netlink_request request;
  struct ifinfomsg link = {0};
  netlink_begin(&request, RTM_GETLINK, 0, &link, sizeof link);
  netlink_put_text(&request, IFLA_IFNAME, name);
  ssize_t length = transact(fd, &request, bytes, sizeof bytes);
  if (length < 0) return -1;
  struct nlmsghdr *answer = (struct nlmsghdr *)(void *)bytes;
  int error = answer_error(answer);
  if (error != 0) {
    errno = error;
    return -1;
  }
  struct ifinfomsg *found = NLMSG_DATA(answer);
  int left = (int)IFLA_PAYLOAD(answer);
  for (struct rtattr *a = IFLA_RTA(found); mac != NULL && RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == 6) memcpy(mac, RTA_DATA(a), 6);
  }
  return found->ifi_index;
}
