// Tells the service manager how far the server is (sd_notify's protocol, without its library: one datagram).
#pragma once

#include <string_view>

namespace windfall::app {

/// Sends "READY=1" and the like to $NOTIFY_SOCKET. Does nothing where nobody listens: it is news, not work.
void notify_service_manager(std::string_view state);

}  // namespace windfall::app
