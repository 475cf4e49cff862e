// Files of the MNIST family: gzipped IDX, images or labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Images as brightness from 0 to 1, and their labels.
struct Dataset {
  int64_t count = 0;
  int64_t pixels = 0;          // of one image
  std::vector<float> images;   // [count, pixels]
  std::vector<int32_t> labels; // [count], from 0 up to the number of classes
};

/// Reads `folder`/`stem`-images-idx3-ubyte.gz and `folder`/`stem`-labels-idx1-ubyte.gz. On failure
/// false, and why.
bool readDataset(const std::string &folder, const std::string &stem, int32_t classes, Dataset &data,
                 std::string &why);
