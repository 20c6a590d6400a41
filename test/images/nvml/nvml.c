/* The calls of libnvidia-ml that the images make, for machines without a GPU. FAKE_DRIVER and FAKE_GPUS are the answers; once
   /tmp/gpu-lost exists, it answers as a driver whose GPU has fallen off the bus. Declared by hand, so that no headers are needed. */
extern char *getenv(const char *name);
extern int access(const char *path, int mode);
extern int atoi(const char *text);
extern char *strncpy(char *to, const char *from, unsigned long size);

#define NVML_SUCCESS 0
#define NVML_ERROR_GPU_IS_LOST 15

int nvmlInit_v2(void) { return access("/tmp/gpu-lost", 0) == 0 ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS; }
int nvmlShutdown(void) { return NVML_SUCCESS; }

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
  strncpy(version, getenv("FAKE_DRIVER"), length);
  return NVML_SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
  *count = atoi(getenv("FAKE_GPUS"));
  return NVML_SUCCESS;
}
