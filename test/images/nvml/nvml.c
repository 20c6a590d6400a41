/* The functions of libnvidia-ml that the images call, for machines without a GPU. FAKE_DRIVER and FAKE_GPUS are the results. If
   /tmp/gpu-lost exists, the library behaves as if the GPU had fallen off the bus. The declarations replace the headers. */
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
