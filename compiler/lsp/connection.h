// Messages of the language server protocol over two streams.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

namespace graphc {

using Json = nlohmann::json;

/// JSON-RPC 2.0's codes, and those that the protocol adds.
enum class RpcError : int {
  ParseError = -32700,
  InvalidRequest = -32600,
  MethodNotFound = -32601,
  InvalidParams = -32602,
  ServerNotInitialized = -32002,
  RequestFailed = -32803,
};

/// Headers with a Content-Length, an empty line, and as many bytes of JSON.
class Connection {
public:
  Connection(FILE *in, FILE *out) : in_(in), out_(out) {}

  /// The next message; nullopt at the end of the stream. What is no JSON was answered with
  /// ParseError and is passed over.
  std::optional<Json> read();
  /// Whether more has arrived, so that an answer may soon be out of date.
  bool pending() const;

  void send(const Json &message);
  void notify(std::string_view method, Json params);
  void answer(const Json &id, Json result);
  void refuse(const Json &id, RpcError code, std::string message);

private:
  /// The body's length from the headers; nullopt at the end of the stream.
  std::optional<size_t> readHeaders();
  bool fill();

  FILE *in_;
  FILE *out_;
  std::string buffer_; // read and not yet taken
};

} // namespace graphc
