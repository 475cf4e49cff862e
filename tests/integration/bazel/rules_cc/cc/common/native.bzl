"""What is built in, under other names: a file cannot export one under its own."""

native_cc_common = cc_common
native_CcInfo = CcInfo
