// The node's bridge, made when missing.
#include <errno.h>
#include <net/if.h>

#include "netlink.h"
#include "network.h"

static int create_bridge(int netlink, const struct bridge_config *config) {
  struct netlink_request request;
  struct ifinfomsg link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  unsigned char mac[6];
  netlink_begin(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
  netlink_put_text(&request, IFLA_IFNAME, config->name);
  if (config->mtu > 0) netlink_put_u32(&request, IFLA_MTU, (uint32_t)config->mtu);
  if (config->address_count > 0) {
    // A bridge without an address of its own takes over that of some port, and changes it when the port goes.
    mac_from_address(&config->addresses[0], mac);
    netlink_put(&request, IFLA_ADDRESS, mac, sizeof mac);
  }
  size_t info = netlink_nest(&request, IFLA_LINKINFO);
  netlink_put_text(&request, IFLA_INFO_KIND, "bridge");
  netlink_end(&request, info);
  return netlink_send(netlink, &request);
}

int bridge_ensure(int netlink, const struct bridge_config *config, struct failure *failure) {
  if (create_bridge(netlink, config) < 0 && errno != EEXIST)
    return fail_errno(failure, "create bridge %s", config->name);
  int index = netlink_find_link(netlink, config->name, NULL);
  if (index < 0) return fail_errno(failure, "find bridge %s", config->name);
  for (size_t i = 0; i < config->address_count; i++) {
    if (address_add(netlink, index, &config->addresses[i]) < 0 && errno != EEXIST) {
      return fail_errno(failure, "add address to bridge %s", config->name);
    }
  }
  if (link_up(netlink, index) < 0) return fail_errno(failure, "set bridge %s up", config->name);
  return index;
}
