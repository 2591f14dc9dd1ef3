
-- beside functions for types of their own, one for all types would leave open which of
-- them is meant where an argument has no type; views and the like go on with it
ALTER FUNCTION threshold_score(anycompatible, anycompatiblearray, boolean) RENAME TO threshold_score_any;
