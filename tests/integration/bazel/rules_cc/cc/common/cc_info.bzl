"""CcInfo, as it is built in."""

load(":native.bzl", "native_CcInfo")

CcInfo = native_CcInfo
