/* The functions of libnvidia-ml that the images call, for machines without a GPU. The declarations replace the headers.

   FAKE_DRIVER and FAKE_GPUS are the version of the driver and the number of GPUs. FAKE_UNSUPPORTED=1: the GPU has neither ECC nor events.
   Files in /tmp change a GPU that runs:
     gpu-lost     the driver does not respond, as after the GPU has fallen off the bus
     gpu-off-bus  the driver responds, and the GPU does not
     gpu-ecc      contains the number of uncorrected memory errors
     gpu-xid      contains the number of an Xid error, which is reported once */
extern char *getenv(const char *name);
extern int access(const char *path, int mode);
extern int atoi(const char *text);
extern char *strncpy(char *to, const char *from, unsigned long size);
extern int open(const char *path, int flags, ...);
extern long read(int file, void *to, unsigned long size);
extern int close(int file);
extern int unlink(const char *path);
extern int usleep(unsigned int microseconds);

#define NVML_SUCCESS 0
#define NVML_ERROR_NOT_SUPPORTED 3
#define NVML_ERROR_TIMEOUT 10
#define NVML_ERROR_GPU_IS_LOST 15
#define XID_CRITICAL_ERROR 8
#define WAIT_MS 100

typedef void *Device;
typedef struct { unsigned int gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { Device device; unsigned long long type, data; unsigned int gpu_instance, compute_instance; } Event;

static int exists(const char *path) { return access(path, 0) == 0; }

static int number_in(const char *path) {
  char text[16] = {0};
  int file = open(path, 0);
  if (file < 0) return 0;
  read(file, text, sizeof text - 1);
  close(file);
  return atoi(text);
}

static int is_unsupported(void) { return getenv("FAKE_UNSUPPORTED") != 0; }
static int gpu(void) { return exists("/tmp/gpu-off-bus") ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS; }

int nvmlInit_v2(void) { return exists("/tmp/gpu-lost") ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS; }
int nvmlShutdown(void) { return NVML_SUCCESS; }

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
  strncpy(version, getenv("FAKE_DRIVER"), length);
  return NVML_SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
  *count = atoi(getenv("FAKE_GPUS"));
  return NVML_SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device *device) {
  *device = (Device)(unsigned long)(index + 1);
  return NVML_SUCCESS;
}

/* The values of the first GPU, and one more for each further GPU. */
static unsigned int further(Device device) { return (unsigned int)(unsigned long)device - 1; }

int nvmlDeviceGetUtilizationRates(Device device, Utilization *found) {
  found->gpu = 37 + further(device);
  return gpu();
}

int nvmlDeviceGetMemoryInfo(Device device, Memory *found) {
  found->total = 24ULL << 30;
  found->used = (3ULL << 30) + further(device);
  found->free = found->total - found->used;
  return gpu();
}

int nvmlDeviceGetTemperature(Device device, unsigned int sensor, unsigned int *degrees) {
  *degrees = 51 + further(device);
  return gpu();
}

int nvmlDeviceGetPowerUsage(Device device, unsigned int *milliwatts) {
  *milliwatts = 123400 + 1000 * further(device);
  return gpu();
}

int nvmlDeviceGetTotalEccErrors(Device device, unsigned int type, unsigned int counter, unsigned long long *errors) {
  *errors = number_in("/tmp/gpu-ecc");
  return is_unsupported() ? NVML_ERROR_NOT_SUPPORTED : gpu();
}

int nvmlEventSetCreate(void **set) {
  *set = (void *)1;
  return is_unsupported() ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

int nvmlDeviceRegisterEvents(Device device, unsigned long long types, void *set) {
  return types == XID_CRITICAL_ERROR ? gpu() : NVML_ERROR_NOT_SUPPORTED;
}

int nvmlEventSetWait_v2(void *set, Event *event, unsigned int milliseconds) {
  for (unsigned int waited = 0; waited < milliseconds; waited += WAIT_MS) {
    if ((event->data = number_in("/tmp/gpu-xid"))) {
      unlink("/tmp/gpu-xid");
      event->type = XID_CRITICAL_ERROR;
      return NVML_SUCCESS;
    }
    usleep(1000 * WAIT_MS);
  }
  return NVML_ERROR_TIMEOUT;
}
