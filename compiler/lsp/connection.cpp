#include "lsp/connection.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <poll.h>
#include <unistd.h>

namespace graphc {

namespace {
constexpr size_t longestBody = size_t(1) << 30, longestHeader = 1 << 16;
} // namespace

bool Connection::fill() {
  std::array<char, 1 << 16> chunk;
  ssize_t got = 0;
  do {
    got = ::read(fileno(in_), chunk.data(), chunk.size());
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  buffer_.append(chunk.data(), size_t(got));
  return true;
}

std::optional<size_t> Connection::readHeaders() {
  size_t end = buffer_.find("\r\n\r\n");
  while (end == buffer_.npos) {
    if (buffer_.size() > longestHeader || !fill()) return std::nullopt;
    end = buffer_.find("\r\n\r\n");
  }
  std::string_view headers(buffer_.data(), end);
  constexpr std::string_view name = "content-length:";
  std::optional<size_t> length;
  while (!headers.empty()) {
    size_t lineEnd = headers.find("\r\n");
    std::string_view line = headers.substr(0, lineEnd);
    headers.remove_prefix(lineEnd == headers.npos ? headers.size() : lineEnd + 2);
    bool same = line.size() > name.size();
    for (size_t i = 0; same && i < name.size(); ++i) same = (line[i] | 0x20) == (name[i] | 0x20);
    if (!same) continue;
    line.remove_prefix(name.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    size_t value = 0;
    auto [rest, failed] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (failed == std::errc() && rest == line.data() + line.size() && value <= longestBody)
      length = value;
  }
  buffer_.erase(0, end + 4);
  // Without a length there is no knowing where the next message begins.
  return length;
}

std::optional<Json> Connection::read() {
  while (auto length = readHeaders()) {
    while (buffer_.size() < *length)
      if (!fill()) return std::nullopt;
    Json message = Json::parse(buffer_.begin(), buffer_.begin() + ptrdiff_t(*length), nullptr,
                               /*allow_exceptions=*/false);
    buffer_.erase(0, *length);
    if (message.is_object()) return message;
    refuse(nullptr, message.is_discarded() ? RpcError::ParseError : RpcError::InvalidRequest,
           message.is_discarded() ? "this is no JSON" : "a message is an object");
  }
  return std::nullopt;
}

bool Connection::pending() const {
  if (buffer_.find("\r\n\r\n") != buffer_.npos) return true;
  pollfd wait{fileno(in_), POLLIN, 0};
  return poll(&wait, 1, 0) > 0 && (wait.revents & POLLIN) != 0;
}

void Connection::send(const Json &message) {
  std::string body = message.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string head = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  std::fwrite(head.data(), 1, head.size(), out_);
  std::fwrite(body.data(), 1, body.size(), out_);
  std::fflush(out_);
}

void Connection::notify(std::string_view method, Json params) {
  send({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}});
}

void Connection::answer(const Json &id, Json result) {
  send({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
}

void Connection::refuse(const Json &id, RpcError code, std::string message) {
  send({{"jsonrpc", "2.0"},
        {"id", id},
        {"error", {{"code", int(code)}, {"message", std::move(message)}}}});
}

} // namespace graphc
