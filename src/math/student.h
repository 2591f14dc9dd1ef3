/*
 * student.h
 *		Student's t distribution, with degrees of freedom that are no whole number, too.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_STUDENT_H
#define RETENTION_STUDENT_H

#include "base/compat.h"

extern retention_internal double student_tails(double t, double df);
extern retention_internal double student_reach(double confidence, double df);

#endif							/* RETENTION_STUDENT_H */
