/*
 * comparison_row.h
 *		The columns in which a result row tells of a comparison.
 *
 * Copyright (c) 2026, the retention authors
 * PostgreSQL licence, see LICENSE
 */
#ifndef RETENTION_COMPARISON_ROW_H
#define RETENTION_COMPARISON_ROW_H

#include "base/compat.h"

#include "base/result_values.h"
#include "math/comparison.h"

/* Where each of them is in a row; NO_COLUMN if it is in none. */
typedef struct ComparisonColumns
{
	int			difference;
	int			std_error;
	int			ci_low;
	int			ci_high;
	int			relative;
	int			df;
	int			p_value;
} ComparisonColumns;

#define NO_COLUMN	(-1)

static inline void
put_known(Datum *values, bool *nulls, int column, bool known, double value)
{
	if (column != NO_COLUMN)
		values[column] = finite_or_null(known, value, &nulls[column]);
}

/* NULL where nothing is known. */
static inline void
put_comparison(Datum *values, bool *nulls, const ComparisonColumns *columns,
			   const Comparison *found)
{
	put_known(values, nulls, columns->difference, found->has_difference,
			  found->difference);
	put_known(values, nulls, columns->std_error, found->has_interval,
			  found->std_error);
	put_known(values, nulls, columns->ci_low, found->has_interval, found->ci_low);
	put_known(values, nulls, columns->ci_high, found->has_interval, found->ci_high);
	put_known(values, nulls, columns->relative, found->has_relative, found->relative);
	put_known(values, nulls, columns->df, found->has_interval, found->df);
	put_known(values, nulls, columns->p_value, found->has_p_value, found->p_value);
}

#endif							/* RETENTION_COMPARISON_ROW_H */
