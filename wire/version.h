/*
 * version.h - the version of walferry: extension and forwarder alike.
 */
#ifndef WALFERRY_VERSION_H
#define WALFERRY_VERSION_H

#define WALFERRY_VERSION "0.1.0"

#endif /* WALFERRY_VERSION_H */
