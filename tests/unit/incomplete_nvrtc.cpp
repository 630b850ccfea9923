// A library that is taken for NVRTC and lacks most of its functions: see nvrtc_test.cpp.
extern "C" int nvrtcVersion(int* major, int* minor) {
  *major = *minor = 1;
  return 0;
}
