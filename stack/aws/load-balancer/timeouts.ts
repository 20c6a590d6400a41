import { APPLICATION } from "../../app/application";

/** Idle timeout and deregistration delay in seconds. It exceeds the duration of the longest request. */
export const IDLE_TIMEOUT_S = APPLICATION.maximumRequestSeconds + 10;
