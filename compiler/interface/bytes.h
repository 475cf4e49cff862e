// Where a file's bytes come from: the file itself, plain or gzipped, or a member of an archive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace graphc {

/// Bytes, read once from the front.
class ByteSource {
public:
  ByteSource() = default;
  ByteSource(const ByteSource &) = delete;
  ByteSource &operator=(const ByteSource &) = delete;
  virtual ~ByteSource() = default;

  /// Reads exactly `count` bytes. False where there are fewer, or where they can't be read:
  /// failure() tells which.
  bool read(void *into, int64_t count);
  /// The next bytes, as many as there are up to `count` (at most 64); they are read again.
  std::string peek(int64_t count);
  /// Whether all is read. Damage that shows at the end only (a checksum) is a failure().
  bool atEnd();
  /// Why bytes can't be read ("can't be read: …", "holds gzip data that is damaged"); "" while they
  /// can.
  const std::string &failure() const { return failure_; }
  /// How many bytes there are at most, where that is known; else -1.
  virtual int64_t size() const = 0;

protected:
  /// Up to `count` bytes; 0 at the end, negative after setting failure_.
  virtual int64_t readSome(void *into, int64_t count) = 0;
  std::string failure_;

private:
  std::string ahead_; // peeked at
};

/// Opens a file; gzipped ones are read unpacked, whatever they are called. "-" is standard input.
/// Null, with the reason in `why`.
std::unique_ptr<ByteSource> openBytes(const std::string &path, std::string &why);

/// Bytes of this machine's memory: no array is larger.
int64_t machineMemory();

} // namespace graphc
