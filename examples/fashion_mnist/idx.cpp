#include "idx.h"

#include <memory>
#include <zlib.h>

namespace {

struct Close {
  void operator()(gzFile file) const { gzclose(file); }
};
using File = std::unique_ptr<gzFile_s, Close>;

/// Reads the bytes of an IDX file of unsigned bytes: two zero bytes, the type (8), the rank, the
/// dimensions as big-endian 32-bit numbers, the data.
bool readIdx(const std::string &path, std::vector<int64_t> &dims, std::vector<uint8_t> &data,
             std::string &why) {
  why = path;
  File file(gzopen(path.c_str(), "rb"));
  if (!file) {
    why += ": cannot be opened";
    return false;
  }
  auto read = [&](void *out, size_t bytes) {
    return gzread(file.get(), out, static_cast<unsigned>(bytes)) == static_cast<int>(bytes);
  };
  uint8_t head[4];
  if (!read(head, 4) || head[0] != 0 || head[1] != 0 || head[2] != 8 || head[3] != dims.size()) {
    why += ": is no IDX file of bytes of rank " + std::to_string(dims.size());
    return false;
  }
  int64_t size = 1;
  for (int64_t &dim : dims) {
    uint8_t number[4];
    if (!read(number, 4)) {
      why += ": ends too soon";
      return false;
    }
    dim = int64_t{number[0]} << 24 | number[1] << 16 | number[2] << 8 | number[3];
    if (dim > 1 << 20 || (size *= dim) > 1 << 30) {
      why += ": is larger than this program reads";
      return false;
    }
  }
  data.resize(static_cast<size_t>(size));
  if (!read(data.data(), data.size())) {
    why += ": ends too soon";
    return false;
  }
  return true;
}

} // namespace

bool readDataset(const std::string &folder, const std::string &stem, int32_t classes, Dataset &data,
                 std::string &why) {
  std::vector<int64_t> imageDims(3), labelDims(1);
  std::vector<uint8_t> images, labels;
  if (!readIdx(folder + "/" + stem + "-images-idx3-ubyte.gz", imageDims, images, why) ||
      !readIdx(folder + "/" + stem + "-labels-idx1-ubyte.gz", labelDims, labels, why))
    return false;
  why = folder + ": ";
  if (imageDims[0] != labelDims[0]) {
    why +=
        std::to_string(imageDims[0]) + " images, but " + std::to_string(labelDims[0]) + " labels";
    return false;
  }
  data.count = imageDims[0];
  data.pixels = imageDims[1] * imageDims[2];
  data.images.resize(images.size());
  for (size_t i = 0; i < images.size(); ++i)
    data.images[i] = static_cast<float>(images[i]) / 255.0f;
  data.labels.assign(labels.begin(), labels.end());
  for (int32_t label : data.labels)
    if (label >= classes) {
      why += "a label of " + std::to_string(label);
      return false;
    }
  return true;
}
