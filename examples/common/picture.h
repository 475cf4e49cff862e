// Pictures of a training, as SVG: curves, and images with words below them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// One line of a chart: (x, y) from left to right.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

/// Axes with a title of its own.
struct Chart {
  std::string title;
  std::vector<Curve> curves;
};

/// Draws charts side by side over the same kind of x. False, and why, if the file can't be written.
bool writeCharts(const std::string &path, const std::string &xTitle,
                 const std::vector<Chart> &charts, std::string &why);

/// A grey image of brightness from 0 to 1, row by row, and what stands below it.
struct Exhibit {
  std::span<const float> pixels; // [height, width]
  std::string words;
};

/// Draws images in rows. False, and why, if the file can't be written.
bool writeExhibits(const std::string &path, const std::string &title,
                   const std::vector<Exhibit> &exhibits, int width, int height, std::string &why);
