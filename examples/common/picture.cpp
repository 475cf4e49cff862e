#include "picture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <png.h>
#include <sstream>

namespace {

constexpr const char *colours[] = {"#1f6feb", "#d1242f", "#1a7f37", "#8250df"};

std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text)
    out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

/// Whole or not at all: written beside its place, then renamed.
bool writeFile(const std::string &path, const std::string &text, std::string &why) {
  std::string beside = path + ".part";
  std::ofstream(beside, std::ios::binary) << text << std::flush;
  std::error_code failed;
  std::ifstream written(beside, std::ios::binary | std::ios::ate);
  if (written && static_cast<size_t>(written.tellg()) == text.size() &&
      std::rename(beside.c_str(), path.c_str()) == 0)
    return true;
  why = path + ": " + std::strerror(errno);
  std::remove(beside.c_str());
  return false;
}

std::string head(double width, double height) {
  std::ostringstream out;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width << "\" height=\"" << height
      << "\" viewBox=\"0 0 " << width << ' ' << height
      << "\" font-family=\"sans-serif\" font-size=\"12\">\n"
      << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  return out.str();
}

/// A step of 1, 2 or 5 times a power of ten that gives about five marks.
double markStep(double range) {
  double step = std::pow(10.0, std::floor(std::log10(range / 4)));
  for (double factor : {1.0, 2.0, 5.0, 10.0})
    if (range / (step * factor) <= 6) return step * factor;
  return step;
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  void take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void widen() {
    if (low > high) low = 0, high = 1;
    if (low == high) low -= 0.5, high += 0.5;
  }
};

void drawChart(std::ostringstream &out, const Chart &chart, const std::string &xTitle,
               double left) {
  constexpr double width = 340, height = 240, top = 40;
  Range x, y;
  for (const Curve &curve : chart.curves)
    for (auto [px, py] : curve.points) x.take(px), y.take(py);
  x.widen(), y.widen();
  auto placeX = [&](double v) { return left + (v - x.low) / (x.high - x.low) * width; };
  auto placeY = [&](double v) { return top + height - (v - y.low) / (y.high - y.low) * height; };
  out << "<text x=\"" << left << "\" y=\"" << top - 16 << "\" font-size=\"15\">"
      << escaped(chart.title) << "</text>\n";
  double step = markStep(y.high - y.low);
  for (double v = std::ceil(y.low / step) * step; v <= y.high + step * 1e-6; v += step)
    out << "<line x1=\"" << left << "\" x2=\"" << left + width << "\" y1=\"" << placeY(v)
        << "\" y2=\"" << placeY(v) << "\" stroke=\"#ddd\"/>\n<text x=\"" << left - 6 << "\" y=\""
        << placeY(v) + 4 << "\" text-anchor=\"end\">" << std::round(v / step) * step << "</text>\n";
  step = std::max(1.0, markStep(x.high - x.low));
  for (double v = std::ceil(x.low / step) * step; v <= x.high + step * 1e-6; v += step)
    out << "<text x=\"" << placeX(v) << "\" y=\"" << top + height + 18
        << "\" text-anchor=\"middle\">" << v << "</text>\n";
  out << "<text x=\"" << left + width / 2 << "\" y=\"" << top + height + 38
      << "\" text-anchor=\"middle\">" << escaped(xTitle) << "</text>\n";
  out << "<rect x=\"" << left << "\" y=\"" << top << "\" width=\"" << width << "\" height=\""
      << height << "\" fill=\"none\" stroke=\"#888\"/>\n";
  for (size_t i = 0; i < chart.curves.size(); ++i) {
    const char *colour = colours[i % std::size(colours)];
    out << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << colour << "\" points=\"";
    for (auto [px, py] : chart.curves[i].points)
      if (std::isfinite(py)) out << placeX(px) << ',' << placeY(py) << ' ';
    out << "\"/>\n<text x=\"" << left + width - 8 << "\" y=\"" << top + 18 + 16.0 * double(i)
        << "\" text-anchor=\"end\" fill=\"" << colour << "\">" << escaped(chart.curves[i].name)
        << "</text>\n";
  }
}

std::string base64(const std::vector<uint8_t> &bytes) {
  constexpr const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) three = three << 8 | (i + k < bytes.size() ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k)
      out += k <= bytes.size() - i ? digits[three >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

/// The image as a PNG file; empty if libpng refuses.
std::vector<uint8_t> pngBytes(std::span<const float> pixels, int width, int height) {
  std::vector<uint8_t> grey;
  for (float p : pixels)
    grey.push_back(static_cast<uint8_t>(std::lround(std::clamp(p, 0.0f, 1.0f) * 255)));
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<uint8_t> out(size);
  if (!png_image_write_to_memory(&image, out.data(), &size, 0, grey.data(), 0, nullptr)) size = 0;
  out.resize(size);
  return out;
}

} // namespace

bool writeCharts(const std::string &path, const std::string &xTitle,
                 const std::vector<Chart> &charts, std::string &why) {
  constexpr double each = 430;
  std::ostringstream out;
  out << head(each * static_cast<double>(charts.size()), 340);
  for (size_t i = 0; i < charts.size(); ++i)
    drawChart(out, charts[i], xTitle, 60 + each * static_cast<double>(i));
  out << "</svg>\n";
  return writeFile(path, out.str(), why);
}

bool writeExhibits(const std::string &path, const std::string &title,
                   const std::vector<Exhibit> &exhibits, int width, int height, std::string &why) {
  constexpr int inRow = 8, size = 84, gap = 26, top = 40;
  int rows = (static_cast<int>(exhibits.size()) + inRow - 1) / inRow;
  std::ostringstream out;
  out << head(20 + inRow * (size + gap), top + rows * (size + 2 * gap));
  out << "<text x=\"20\" y=\"24\" font-size=\"15\">" << escaped(title) << "</text>\n";
  for (size_t i = 0; i < exhibits.size(); ++i) {
    int x = 20 + static_cast<int>(i % inRow) * (size + gap);
    int y = top + static_cast<int>(i / inRow) * (size + 2 * gap);
    out << "<image x=\"" << x << "\" y=\"" << y << "\" width=\"" << size << "\" height=\"" << size
        << "\" image-rendering=\"pixelated\" href=\"data:image/png;base64,"
        << base64(pngBytes(exhibits[i].pixels, width, height)) << "\"/>\n<text x=\"" << x + size / 2
        << "\" y=\"" << y + size + 14 << "\" text-anchor=\"middle\" font-size=\"10\">"
        << escaped(exhibits[i].words) << "</text>\n";
  }
  out << "</svg>\n";
  return writeFile(path, out.str(), why);
}
